"""What a toolkit tells the rule that calls its compiler."""

CudaToolkitInfo = provider(
    "A CUDA toolkit.",
    fields = {
        "architectures": "compute capabilities as numbers, the newest last",
        "headers": "CcInfo of the toolkit's headers",
        "nvcc": "absolute path of the compiler",
    },
)

def _cuda_toolkit_impl(ctx):
    return [CudaToolkitInfo(
        architectures = ctx.attr.architectures,
        headers = ctx.attr.headers[CcInfo],
        nvcc = ctx.attr.nvcc,
    )]

cuda_toolkit = rule(
    implementation = _cuda_toolkit_impl,
    attrs = {
        "architectures": attr.string_list(mandatory = True),
        "headers": attr.label(providers = [CcInfo], mandatory = True),
        "nvcc": attr.string(mandatory = True),
    },
)
