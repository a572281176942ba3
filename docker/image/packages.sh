#!/bin/sh
# packages.sh EXTRAS INDEX CUDA: installs what extras of relaxd require, and takes away what relaxd
# never runs. CUDA is True where torch must have it, and False where not.
set -eu
cd "$(dirname "$0")/../.."
pip="/tools/bin/pip --python /opt/relaxd"
site=$(/opt/relaxd/bin/python -c "import sysconfig; print(sysconfig.get_path('purelib'))")
if ls /wheels/*.whl >/dev/null 2>&1; then
    source="--no-index --find-links=/wheels"
else
    source="--extra-index-url=$2"
fi
python3 docker/image/requirements.py "$1" >/tmp/requirements.txt
# shellcheck disable=SC2086 # two words
$pip install --no-cache-dir --no-compile $source \
    --constraint constraints.txt --constraint docker/image/constraints.txt \
    --requirement /tmp/requirements.txt dumb-init
rm /tmp/requirements.txt
$pip check

# Without the index that was meant, pip takes torch from another: with gigabytes of CUDA, or with none.
/opt/relaxd/bin/python -B -c \
    "import torch; raise SystemExit((torch.version.cuda is not None) is not $3)"

# Plots of ASE, pictures of RDKit, and what torch compiles with.
$pip uninstall --yes matplotlib contourpy cycler fonttools kiwisolver pillow setuptools
rm -rf "$site/torch/include" "$site/rdkit/Contrib" "$site/rdkit-stubs"
find "$site/torch/bin" -type f ! -name torch_shm_manager -delete
find "$site" -depth -type d \( -name tests -o -name test -o -name test_data \) -exec rm -rf {} +

# tblite wants the OpenMP of the system, which a slim image does not have; torch brings one.
ln -sf "$(find "$site/torch" -name 'libgomp*.so*' | head -n 1)" "$site/tblite.libs/libgomp.so.1"

# GPU4PySCF looks for cuSOLVER where the system has its libraries; it is among the packages.
if [ "$3" = True ]; then
    echo "$site/nvidia/cu13/lib" >/etc/ld.so.conf.d/relaxd.conf
    ldconfig
fi
