/** Units of energy. */

/** kcal/mol in one Hartree (CODATA 2018). */
export const KCAL_PER_HARTREE = 627.5094740631;
