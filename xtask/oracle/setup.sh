#!/usr/bin/env bash
# Installs the PyTorch oracle into a virtual environment.
# torch comes from PyPI without the nvidia wheels it asks for; stub_cuda.py stands in for them, so only the CPU works.
# usage: setup.sh VENV_DIR     needs python >= 3.11, gcc, readelf and about 2.5 GB of disk
set -euo pipefail
venv=${1:?usage: setup.sh VENV_DIR}
here=$(cd "$(dirname "$0")" && pwd)

python3 -m venv "$venv"
. "$venv/bin/activate"
pip install -q --no-deps torch==2.15.0
pip install -q sympy networkx jinja2 fsspec filelock typing-extensions numpy==2.4.6 setuptools
python "$here/stub_cuda.py"
pip install -q transformers==5.23.0 safetensors==0.8.0 tokenizers==0.23.3 \
  onnx==1.23.2 onnxruntime==1.32.0 onnxscript==0.7.2 pillow==13.0.0
# For the goldens of the pipelines; without the packages that it needs for training alone.
pip install -q --no-deps sentence-transformers==6.2.0 scikit-learn==1.9.1 scipy==1.17.1 joblib==1.6.0 threadpoolctl==3.8.0 narwhals==2.29.0 \
  cloudpickle==3.1.2 tqdm==4.70.1 soundfile==0.14.0 cffi==2.1.1 pycparser==3.12
python -c "import torch, transformers, onnxruntime; print(torch.__version__, transformers.__version__, onnxruntime.__version__)"
