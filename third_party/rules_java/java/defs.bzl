"""The names of rules_java that Bazel's own tools load, bound to native rules."""

java_import = native.java_import
java_runtime = native.java_runtime
java_toolchain = native.java_toolchain
