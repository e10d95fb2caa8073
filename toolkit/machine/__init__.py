"""Facts about this computer.

cores     cores this process may use (affinity, container quota), threads to start
facts     CPU, GPU, memory, versions: the "machine" part of every record
versions  of the libraries that are installed, and which distributions of ONNX Runtime there are
memory    peak resident memory, and giving back what is unused
scratch   temporary folders that don't outlive a crash
state     what may slow a process down while it measures
gpu       the same for an NVIDIA GPU
features  what of the processor decides about speed and int8 arithmetic
"""
