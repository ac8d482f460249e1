"""ONNX Runtime as the oracle: one thread, all graph optimisations off."""

import onnxruntime


def answer(model, feeds):
    """What `model` (a path or bytes) answers: {output name: array}, in the
    order of the graph. `feeds` is {input name: array}."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = (
        onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    )
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        model, options, providers=["CPUExecutionProvider"]
    )
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, feeds)))


def input_names(model):
    """The graph's inputs without its weights, which old files list too."""
    import onnx

    graph = onnx.load(model, load_external_data=False).graph
    weights = {tensor.name for tensor in graph.initializer}
    return [value.name for value in graph.input if value.name not in weights]
