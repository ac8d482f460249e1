#ifndef LAYERD_KERNELS_CPU_MULTIVERSION_H_
#define LAYERD_KERNELS_CPU_MULTIVERSION_H_

// Compiles a function once for each instruction set and picks one when the
// program starts. Not under sanitizers: the choice is made before their
// runtimes are ready. Elsewhere than on x86 the baseline has vectors already.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define LAYERD_MULTIVERSION \
  __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define LAYERD_MULTIVERSION
#endif

// Before a loop whose rows may be the same memory but never overlap otherwise:
// saves the compiler's check, which costs as much as a short row.
#if defined(__clang__)
#define LAYERD_SAME_OR_APART _Pragma("clang loop vectorize(assume_safety)")
#elif defined(__GNUC__)
#define LAYERD_SAME_OR_APART _Pragma("GCC ivdep")
#else
#define LAYERD_SAME_OR_APART
#endif

#endif  // LAYERD_KERNELS_CPU_MULTIVERSION_H_
