#include "kernels/cpu/primitive_desc.h"

#include <type_traits>

#include "config/status_macros.h"

namespace layerd::cpu {
namespace {

#if DNNL_VERSION_MAJOR < 3

// The functions of version 3, said with those before: an operation is first
// described, then chosen.
template <typename Operation>
dnnl_status_t Choose(dnnl_primitive_desc_t* chosen, dnnl_status_t described,
                     const Operation& operation,
                     const_dnnl_primitive_attr_t attributes,
                     dnnl_engine_t engine) {
  if (described != dnnl_success) return described;
  return dnnl_primitive_desc_create(chosen, &operation, attributes, engine,
                                    nullptr);
}

// A convolution and a transposed one are described by the same struct.
template <auto describe>
dnnl_status_t ChooseDescribed(
    dnnl_primitive_desc_t* chosen, dnnl_engine_t engine, dnnl_prop_kind_t kind,
    dnnl_alg_kind_t algorithm, const_dnnl_memory_desc_t x,
    const_dnnl_memory_desc_t weights, const_dnnl_memory_desc_t bias,
    const_dnnl_memory_desc_t y, const int64_t* strides, const int64_t* gaps,
    const int64_t* pads_begin, const int64_t* pads_end,
    const_dnnl_primitive_attr_t attributes) {
  dnnl_convolution_desc_t operation;
  return Choose(chosen,
                describe(&operation, kind, algorithm, x, weights, bias, y,
                         strides, gaps, pads_begin, pads_end),
                operation, attributes, engine);
}
constexpr auto dnnl_convolution_forward_primitive_desc_create =
    ChooseDescribed<dnnl_dilated_convolution_forward_desc_init>;
constexpr auto dnnl_deconvolution_forward_primitive_desc_create =
    ChooseDescribed<dnnl_dilated_deconvolution_forward_desc_init>;

dnnl_status_t dnnl_inner_product_forward_primitive_desc_create(
    dnnl_primitive_desc_t* chosen, dnnl_engine_t engine, dnnl_prop_kind_t kind,
    const_dnnl_memory_desc_t x, const_dnnl_memory_desc_t weights,
    const_dnnl_memory_desc_t bias, const_dnnl_memory_desc_t y,
    const_dnnl_primitive_attr_t attributes) {
  dnnl_inner_product_desc_t operation;
  return Choose(chosen,
                dnnl_inner_product_forward_desc_init(&operation, kind, x,
                                                     weights, bias, y),
                operation, attributes, engine);
}

dnnl_status_t dnnl_matmul_primitive_desc_create(
    dnnl_primitive_desc_t* chosen, dnnl_engine_t engine,
    const_dnnl_memory_desc_t a, const_dnnl_memory_desc_t b,
    const_dnnl_memory_desc_t bias, const_dnnl_memory_desc_t y,
    const_dnnl_primitive_attr_t attributes) {
  dnnl_matmul_desc_t operation;
  return Choose(chosen, dnnl_matmul_desc_init(&operation, a, b, bias, y),
                operation, attributes, engine);
}

#endif

using ChooseWindow =
    std::decay_t<decltype(dnnl_convolution_forward_primitive_desc_create)>;

absl::StatusOr<UniquePrimitiveDesc> ChooseWith(ChooseWindow choose,
                                               dnnl_alg_kind_t algorithm,
                                               const char* what,
                                               const OneDnn& library,
                                               const WindowProblem& problem) {
  std::vector<int64_t> gaps = problem.dilations;
  for (int64_t& gap : gaps) --gap;  // The library counts what lies between.
  ASSIGN_OR_RETURN(const UniqueAttributes attributes,
                   AttributesWith(problem.activation));
  dnnl_primitive_desc_t chosen;
  RETURN_IF_ERROR(FromDnnl(
      choose(&chosen, library.engine(), dnnl_forward_inference, algorithm,
             problem.x.get(), problem.weights.get(), problem.bias.get(),
             problem.y.get(), problem.strides.data(), gaps.data(),
             problem.pads_begin.data(), problem.pads_end.data(),
             attributes.get()),
      what));
  return UniquePrimitiveDesc(chosen);
}

}  // namespace

absl::StatusOr<UniquePrimitiveDesc> ChooseConvolution(
    const OneDnn& library, const WindowProblem& problem) {
  return ChooseWith(dnnl_convolution_forward_primitive_desc_create,
                    dnnl_convolution_direct, "convolution", library, problem);
}

absl::StatusOr<UniquePrimitiveDesc> ChooseDeconvolution(
    const OneDnn& library, const WindowProblem& problem) {
  return ChooseWith(dnnl_deconvolution_forward_primitive_desc_create,
                    dnnl_deconvolution_direct, "transposed convolution",
                    library, problem);
}

absl::StatusOr<UniquePrimitiveDesc> ChooseInnerProduct(
    const OneDnn& library, const ProductProblem& problem) {
  ASSIGN_OR_RETURN(const UniqueAttributes attributes,
                   AttributesWith(problem.activation));
  dnnl_primitive_desc_t chosen;
  RETURN_IF_ERROR(
      FromDnnl(dnnl_inner_product_forward_primitive_desc_create(
                   &chosen, library.engine(), dnnl_forward_inference,
                   problem.x.get(), problem.weights.get(), problem.bias.get(),
                   problem.y.get(), attributes.get()),
               "inner product"));
  return UniquePrimitiveDesc(chosen);
}

absl::StatusOr<UniquePrimitiveDesc> ChooseMatMul(
    const OneDnn& library, const ProductProblem& problem) {
  ASSIGN_OR_RETURN(const UniqueAttributes attributes,
                   AttributesWith(problem.activation));
  dnnl_primitive_desc_t chosen;
  RETURN_IF_ERROR(FromDnnl(
      dnnl_matmul_primitive_desc_create(
          &chosen, library.engine(), problem.x.get(), problem.weights.get(),
          problem.bias.get(), problem.y.get(), attributes.get()),
      "matrix product"));
  return UniquePrimitiveDesc(chosen);
}

std::string ImplementationOf(const_dnnl_primitive_desc_t desc) {
  const char* name = nullptr;
  dnnl_primitive_desc_query(desc, dnnl_query_impl_info_str, 0, &name);
  return name == nullptr ? "" : name;
}

const_dnnl_memory_desc_t WeightsOf(const_dnnl_primitive_desc_t desc) {
  return dnnl_primitive_desc_query_md(desc, dnnl_query_weights_md, 0);
}

}  // namespace layerd::cpu
