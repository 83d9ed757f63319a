# The commands of this project on NVIDIA GPUs. TensorFlow's own wheels bring CUDA and cuDNN; the host needs
# NVIDIA's driver and its container toolkit.
#
#   docker build --tag msg-stylegan .
#   docker run --gpus all --rm --volume "$PWD:/data" msg-stylegan \
#       dataset create_from_images datasets/mine pictures --resolution 256
#   docker run --gpus all --rm --volume "$PWD:/data" msg-stylegan \
#       train --config=ffhq256 --config.dataset.path=mine
#
# Data sets, runs and caches are in the folder that is mounted.
FROM python:3.12-slim
COPY . /source
RUN pip install --no-cache-dir --constraint /source/constraints.txt "/source[cuda]" \
    && rm -rf /source
WORKDIR /data
ENTRYPOINT ["msg-stylegan"]
