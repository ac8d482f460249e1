"""Tests and fuzzers in one line each."""

def layerd_test(name, srcs, deps = [], size = "small", **kwargs):
    """A Catch2 test: cc_test with //test/catch's header and main.

    Args:
      name: of the cc_test.
      srcs: test sources; they #include "test/catch/catch.h".
      deps: what is tested.
      size: as in cc_test.
      **kwargs: data, tags and whatever else cc_test takes.
    """
    native.cc_test(
        name = name,
        srcs = srcs,
        size = size,
        deps = deps + ["//test/catch", "//test/catch:main"],
        **kwargs
    )

def layerd_fuzzer(name, srcs, deps = [], tags = [], **kwargs):
    """A libFuzzer binary; build it with --config=fuzz, which //... does not.

    Args:
      name: of the cc_binary.
      srcs: one of them has LLVMFuzzerTestOneInput.
      deps: what is fuzzed.
      tags: as in cc_binary; "manual" is added.
      **kwargs: whatever else cc_binary takes.
    """
    native.cc_binary(
        name = name,
        testonly = True,
        srcs = srcs,
        linkopts = ["-fsanitize=fuzzer"],
        tags = tags + ["manual"],
        deps = deps,
        **kwargs
    )
