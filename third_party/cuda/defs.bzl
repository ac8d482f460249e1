"""cuda_library: .cu files to a cc_library, one nvcc action each."""

load("@bazel_tools//tools/cpp:toolchain_utils.bzl", "find_cpp_toolchain")
load(":toolkit.bzl", "CudaToolkitInfo")

# For target_compatible_with: only with --config=cuda.
CUDA_ONLY = select({
    "//third_party/cuda:is_enabled": [],
    "//conditions:default": ["//third_party/cuda:not_enabled"],
})

_MODES = {
    "dbg": ["-O0", "-g", "-lineinfo"],
    "fastbuild": ["-O1"],
    "opt": ["-O3", "-DNDEBUG", "-lineinfo"],
}

def _architecture_flags(architectures):
    flags = []
    for number in architectures:
        flags.append("-gencode=arch=compute_{0},code=sm_{0}".format(number))
    # And PTX, for devices that are newer than all of these.
    flags.append("-gencode=arch=compute_{0},code=compute_{0}".format(architectures[-1]))
    return flags

def _compile(ctx, toolkit, compiler, context, src):
    object = ctx.actions.declare_file(
        "_nvcc/%s/%s.o" % (ctx.label.name, src.basename),
    )
    args = ctx.actions.args()
    args.add_all(["-std=c++17", "-ccbin", compiler, "-Xcompiler", "-fPIC"])
    args.add_all(_MODES[ctx.var["COMPILATION_MODE"]])
    args.add_all(_architecture_flags(toolkit.architectures))
    args.add_all(context.quote_includes, before_each = "-I")
    args.add_all(context.includes, before_each = "-I")
    args.add_all(context.system_includes, before_each = "-isystem")
    args.add_all(["-c", src, "-o", object])
    ctx.actions.run(
        executable = toolkit.nvcc,
        arguments = [args],
        inputs = depset([src] + ctx.files.hdrs, transitive = [context.headers]),
        outputs = [object],
        env = {"PATH": "/usr/local/bin:/usr/bin:/bin", "TMPDIR": "/tmp"},
        mnemonic = "CudaCompile",
        progress_message = "Compiling %s with nvcc" % src.short_path,
    )
    return object

def _cuda_library_impl(ctx):
    if not ctx.attr.toolkit:
        return [CcInfo()]
    toolkit = ctx.attr.toolkit[CudaToolkitInfo]
    cc_toolchain = find_cpp_toolchain(ctx)
    features = cc_common.configure_features(
        ctx = ctx,
        cc_toolchain = cc_toolchain,
        requested_features = ctx.features,
        unsupported_features = ctx.disabled_features,
    )
    infos = [dep[CcInfo] for dep in ctx.attr.deps] + [toolkit.headers]
    merged = cc_common.merge_cc_infos(cc_infos = infos)
    objects = depset([
        _compile(ctx, toolkit, cc_toolchain.compiler_executable, merged.compilation_context, src)
        for src in ctx.files.srcs
    ])
    linking, _ = cc_common.create_linking_context_from_compilation_outputs(
        actions = ctx.actions,
        name = ctx.label.name,
        feature_configuration = features,
        cc_toolchain = cc_toolchain,
        compilation_outputs = cc_common.create_compilation_outputs(
            objects = objects,
            pic_objects = objects,
        ),
        linking_contexts = [info.linking_context for info in infos],
        disallow_dynamic_library = True,
    )
    return [
        DefaultInfo(files = objects),
        CcInfo(
            compilation_context = merged.compilation_context,
            linking_context = linking,
        ),
    ]

_cuda_library = rule(
    implementation = _cuda_library_impl,
    attrs = {
        "deps": attr.label_list(providers = [CcInfo]),
        "hdrs": attr.label_list(allow_files = [".h", ".cuh"]),
        "srcs": attr.label_list(allow_files = [".cu"]),
        "toolkit": attr.label(providers = [CudaToolkitInfo]),
        "_cc_toolchain": attr.label(default = "@bazel_tools//tools/cpp:current_cc_toolchain"),
    },
    fragments = ["cpp"],
    toolchains = ["@bazel_tools//tools/cpp:toolchain_type"],
)

def cuda_library(name, deps = [], **kwargs):
    """Device code; skipped without --config=cuda.

    Args:
      name: of the library.
      deps: cc_librarys whose headers it includes.
      **kwargs: srcs (.cu), hdrs, visibility and the like.
    """
    _cuda_library(
        name = name,
        deps = deps + ["//third_party/cuda:cudart"],
        target_compatible_with = CUDA_ONLY,
        toolkit = select({
            "//third_party/cuda:is_enabled": "@local_cuda//:toolkit",
            "//conditions:default": None,
        }),
        **kwargs
    )
