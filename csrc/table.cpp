// The kernels of one instruction set, for both number types. Compiled once for each set, as the cells are.
#include "kernels.h"

namespace tauflow {
namespace TAUFLOW_ISA {

template <typename Real> const Kernels<Real> &table() {
    static const Kernels<Real> kernels = {
        layer_forward<Real>,  layer_backward<Real>,  cfc_forward<Real>, cfc_backward<Real>,
        gruode_forward<Real>, gruode_backward<Real>, ltc_forward<Real>, ltc_backward<Real>,
        layer_stream<Real>,   cfc_stream<Real>,      gruode_stream<Real>, ltc_stream<Real>,
        gates_stream<Real>,   recall_stream<Real>,   pack_step<Real>,
    };
    return kernels;
}
template const Kernels<float> &table<float>();
template const Kernels<double> &table<double>();

}  // namespace TAUFLOW_ISA
}  // namespace tauflow
