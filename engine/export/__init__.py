"""Networks as ONNX files, and ONNX Runtime as a back end."""
