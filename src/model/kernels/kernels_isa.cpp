// Compiled once for each instruction set (BITEMARK_ISA names it). No header of the standard library beyond <cstdint>:
// an inline function compiled here for AVX-512 must not be the one that the linker keeps for everybody.
#include "model/kernels/kernels.h"

namespace bitemark::model {
namespace {

// Each needs what is above it.
// clang-format off
#include "model/kernels/vectors.inl"
#include "model/kernels/product.inl"
#include "model/kernels/attention.inl"
#include "model/kernels/rows.inl"
// clang-format on

}  // namespace

#define BITEMARK_JOIN(a, b) a##b
#define BITEMARK_NAME(a, b) BITEMARK_JOIN(a, b)
#define BITEMARK_TEXT(a) #a
#define BITEMARK_STRING(a) BITEMARK_TEXT(a)

extern const Kernels BITEMARK_NAME(kernels_, BITEMARK_ISA);
const Kernels BITEMARK_NAME(kernels_, BITEMARK_ISA) = {BITEMARK_STRING(BITEMARK_ISA),
                                                       attend,
                                                       attend_backward,
                                                       norm_modulate,
                                                       norm_modulate_backward,
                                                       multiply_by_panel,
                                                       swiglu,
                                                       swiglu_backward,
                                                       rotate,
                                                       norm_rotate,
                                                       norm_rotate_backward,
                                                       gate_backward,
                                                       scale_rows,
                                                       sum_rows,
                                                       transpose};

}  // namespace bitemark::model
