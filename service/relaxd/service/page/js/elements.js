/** Names of elements, atoms and molecules. */

const SYMBOLS = (
  "H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr " +
  "Rb Sr Y Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm " +
  "Yb Lu Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U Np Pu Am Cm Bk Cf Es Fm Md No " +
  "Lr Rf Db Sg Bh Hs Mt Ds Rg Cn Nh Fl Mc Lv Ts Og"
).split(" ");

/** The symbol of an element, by its atomic number. */
export function symbolOf(number) {
  return SYMBOLS[number - 1] ?? "X";
}

/** An atom as people name it: symbol and number in the molecule, from one. */
export function atomName(numbers, index) {
  return `${symbolOf(numbers[index])}${index + 1}`;
}

/** The molecular formula in Hill's order: carbon, hydrogen, then the alphabet. */
export function formula(numbers) {
  const counts = new Map();
  for (const symbol of numbers.map(symbolOf)) {
    counts.set(symbol, (counts.get(symbol) ?? 0) + 1);
  }
  return [...counts.keys()]
    .sort((a, b) => rank(a, counts) - rank(b, counts) || (a < b ? -1 : 1))
    .map((symbol) => symbol + (counts.get(symbol) > 1 ? counts.get(symbol) : ""))
    .join("");
}

/** Without carbon, hydrogen is in alphabetical order, too. */
function rank(symbol, counts) {
  const first = counts.has("C") ? ["C", "H"].indexOf(symbol) : -1;
  return first < 0 ? 2 : first;
}
