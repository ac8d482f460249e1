""".proto files to a cc_library, by the system's protoc and gRPC plugin.

    load("//third_party/build_defs:grpc.bzl", "cc_grpc_library")

    cc_grpc_library(name = "x_cc_proto", srcs = ["x.proto"], grpc = False)
    cc_grpc_library(name = "y_cc_grpc", srcs = ["y.proto"], deps = [":x_cc_proto"])

Imports and #includes are relative to the package that holds the files:
`import "x.proto"` and `#include "x.pb.h"`.
"""

_Protos = provider(
    "What protoc must see to compile files that import these.",
    fields = {
        "files": "depset of .proto files",
        "roots": "depset of import folders",
    },
)

def _generated(ctx, src, endings):
    stem = src.basename[:-len(".proto")]
    return [ctx.actions.declare_file(stem + ending) for ending in endings]

def _proto_sources_impl(ctx):
    hdrs, srcs = [], []
    for src in ctx.files.srcs:
        hdrs += _generated(ctx, src, [".pb.h"])
        srcs += _generated(ctx, src, [".pb.cc"])
        if ctx.attr.grpc:
            hdrs += _generated(ctx, src, [".grpc.pb.h"])
            srcs += _generated(ctx, src, [".grpc.pb.cc"])

    files = depset(
        ctx.files.srcs,
        transitive = [dep[_Protos].files for dep in ctx.attr.deps],
    )
    roots = depset(
        [src.dirname or "." for src in ctx.files.srcs],
        transitive = [dep[_Protos].roots for dep in ctx.attr.deps],
    )
    out = hdrs[0].dirname
    tools = [ctx.executable._protoc]
    args = ctx.actions.args()
    args.add_all(roots, before_each = "-I")
    args.add("--cpp_out=" + out)
    if ctx.attr.grpc:
        tools.append(ctx.executable._plugin)
        args.add("--plugin=protoc-gen-grpc=" + ctx.executable._plugin.path)
        args.add("--grpc_out=" + out)
    args.add_all(ctx.files.srcs)
    ctx.actions.run(
        arguments = [args],
        executable = ctx.executable._protoc,
        inputs = files,
        mnemonic = "Protoc",
        outputs = hdrs + srcs,
        progress_message = "Generating C++ of %{label}",
        tools = tools,
    )
    return [
        DefaultInfo(files = depset(hdrs + srcs)),
        OutputGroupInfo(hdrs = depset(hdrs), srcs = depset(srcs)),
        _Protos(files = files, roots = roots),
    ]

_proto_sources = rule(
    implementation = _proto_sources_impl,
    attrs = {
        "deps": attr.label_list(providers = [_Protos]),
        "grpc": attr.bool(),
        "srcs": attr.label_list(allow_empty = False, allow_files = [".proto"]),
        "_plugin": attr.label(
            default = "@system_tools//:grpc_cpp_plugin",
            allow_single_file = True,
            cfg = "exec",
            executable = True,
        ),
        "_protoc": attr.label(
            default = "@system_tools//:protoc",
            allow_single_file = True,
            cfg = "exec",
            executable = True,
        ),
    },
)

def _sources_of(label):
    if ":" not in label:
        label = label + ":" + label.split("/")[-1]
    return label + "_sources"

def cc_grpc_library(name, srcs, deps = [], grpc = True, **kwargs):
    """A cc_library of the messages in `srcs` and, with grpc, their services.

    Args:
      name: of the cc_library.
      srcs: .proto files of one folder.
      deps: other cc_grpc_library targets whose files are imported.
      grpc: whether to generate services, and depend on gRPC.
      **kwargs: visibility, testonly and the like.
    """
    sources = name + "_sources"
    _proto_sources(
        name = sources,
        srcs = srcs,
        grpc = grpc,
        deps = [_sources_of(dep) for dep in deps],
        **kwargs
    )
    for group in ["hdrs", "srcs"]:
        native.filegroup(
            name = sources + "_" + group,
            srcs = [":" + sources],
            output_group = group,
            **kwargs
        )
    native.cc_library(
        name = name,
        srcs = [":%s_srcs" % sources],
        hdrs = [":%s_hdrs" % sources],
        # The libraries below are not instrumented: see .bazelrc, tsan.
        copts = ["-w", "-fno-sanitize=thread"],
        includes = ["."],
        deps = deps + (["@com_github_grpc_grpc//:grpc++"] if grpc else ["@com_google_protobuf//:protobuf"]),
        **kwargs
    )
