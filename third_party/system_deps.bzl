"""The system libraries of layerd, under the labels of their own modules."""

load("//third_party:system_library.bzl", "system_library", "system_tools")

# Label of Abseil's own build to the name of its .pc file.
_ABSL = {
    "absl/algorithm:container": "absl_algorithm_container",
    "absl/base:core_headers": "absl_core_headers",
    "absl/cleanup:cleanup": "absl_cleanup",
    "absl/container:btree": "absl_btree",
    "absl/container:flat_hash_map": "absl_flat_hash_map",
    "absl/container:flat_hash_set": "absl_flat_hash_set",
    "absl/container:inlined_vector": "absl_inlined_vector",
    "absl/flags:flag": "absl_flags",
    "absl/flags:parse": "absl_flags_parse",
    "absl/flags:usage": "absl_flags_usage",
    "absl/hash:hash": "absl_hash",
    "absl/memory:memory": "absl_memory",
    "absl/numeric:int128": "absl_int128",
    "absl/random:random": "absl_random_random",
    "absl/status:status": "absl_status",
    "absl/status:statusor": "absl_statusor",
    "absl/strings:cord": "absl_cord",
    "absl/strings:str_format": "absl_str_format",
    "absl/strings:strings": "absl_strings",
    "absl/synchronization:synchronization": "absl_synchronization",
    "absl/time:time": "absl_time",
    "absl/types:optional": "absl_optional",
    "absl/types:span": "absl_span",
}

def system_deps():
    system_tools(
        name = "system_tools",
        tools = {
            "grpc_cpp_plugin": "protobuf-compiler-grpc",
            "protoc": "protobuf-compiler",
        },
    )
    system_library(
        name = "com_google_absl",
        hint = "apt-get install libabsl-dev",
        targets = dict(
            [(label, ["pkg:" + package]) for label, package in _ABSL.items()] +
            [("absl:archives", [
                "archives:absl_cord",
                "archives:absl_statusor",
                "archives:absl_str_format",
            ])],
        ),
    )
    system_library(
        name = "com_google_protobuf",
        hint = "apt-get install libprotobuf-dev",
        targets = {
            ":archives": ["archives:protobuf"],
            ":protobuf": ["pkg:protobuf", "hdr:google/protobuf/message.h"],
        },
    )
    system_library(
        name = "com_github_grpc_grpc",
        hint = "apt-get install libgrpc++-dev libgrpc-dev",
        targets = {
            ":grpc++": ["pkg:grpc++", "dep:@com_google_protobuf//:protobuf"],
        },
    )
    system_library(
        name = "yaml_cpp",
        hint = "apt-get install libyaml-cpp-dev",
        targets = {":yaml_cpp": ["pkg:yaml-cpp", "hdr:yaml-cpp/yaml.h"]},
    )
    system_library(
        name = "catch2",
        hint = "apt-get install catch2",
        targets = {":catch2": ["pkg:catch2"]},
    )
    system_library(
        name = "onednn",
        hint = "apt-get install libdnnl-dev",
        targets = {":onednn": ["hdr:dnnl.hpp", "lib:dnnl"]},
    )
    system_library(
        name = "liburing",
        hint = "apt-get install liburing-dev",
        targets = {":liburing": ["pkg:liburing", "hdr:liburing.h"]},
    )
    system_library(
        name = "isal",
        hint = "apt-get install libisal-dev",
        targets = {":isal": ["pkg:libisal", "hdr:isa-l/crc.h"]},
    )
    system_library(
        name = "spdlog",
        hint = "apt-get install libspdlog-dev",
        targets = {":spdlog": ["pkg:spdlog", "hdr:spdlog/spdlog.h"]},
    )
    system_library(
        name = "openssl",
        hint = "apt-get install libssl-dev",
        targets = {":crypto": ["pkg:libcrypto", "hdr:openssl/evp.h"]},
    )
    system_library(
        name = "rapidjson",
        hint = "apt-get install rapidjson-dev",
        targets = {":rapidjson": ["hdr:rapidjson/prettywriter.h"]},
    )
    system_library(
        name = "httplib",
        hint = "apt-get install libcpp-httplib-dev",
        targets = {":httplib": ["pkg:cpp-httplib", "hdr:httplib.h"]},
    )
    system_library(
        name = "turbojpeg",
        hint = "apt-get install libturbojpeg0-dev",
        targets = {":turbojpeg": ["pkg:libturbojpeg", "hdr:turbojpeg.h"]},
    )

    # Not by pkg-config, which would add a folder of this machine's headers to
    # a build for another processor.
    system_library(
        name = "libpng",
        hint = "apt-get install libpng-dev",
        targets = {":libpng": ["lib:png", "hdr:png.h"]},
    )
    system_library(
        name = "benchmark",
        hint = "apt-get install libbenchmark-dev",
        targets = {":benchmark": ["pkg:benchmark", "hdr:benchmark/benchmark.h"]},
    )
