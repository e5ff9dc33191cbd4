// What each cell's file gives to the table of its instruction set.
#pragma once

#include "tauflow.h"

#ifndef TAUFLOW_ISA
#define TAUFLOW_ISA scalar
#endif

namespace tauflow {
namespace TAUFLOW_ISA {

template <typename Real> Real layer_forward(const Sequence<Real> &, const Layer<Real> &);
template <typename Real>
void layer_backward(const Sequence<Real> &, const Layer<Real> &, const SequenceGradients<Real> &, const LayerGradients<Real> &);

template <typename Real> Real cfc_forward(const Sequence<Real> &, const Cfc<Real> &);
template <typename Real>
void cfc_backward(const Sequence<Real> &, const Cfc<Real> &, const SequenceGradients<Real> &, const CfcGradients<Real> &);

template <typename Real> Real ltc_forward(const Sequence<Real> &, const Ltc<Real> &);
template <typename Real>
void ltc_backward(const Sequence<Real> &, const Ltc<Real> &, const SequenceGradients<Real> &, const LtcGradients<Real> &);

template <typename Real> Real gruode_forward(const Sequence<Real> &, const Gruode<Real> &);
template <typename Real>
void gruode_backward(const Sequence<Real> &, const Gruode<Real> &, const SequenceGradients<Real> &, const GruodeGradients<Real> &);

template <typename Real> StreamCell<Real> layer_stream(int inputs, int units, const Layer<Real> &, void *memory);
template <typename Real> StreamCell<Real> cfc_stream(int inputs, int units, const Cfc<Real> &, void *memory);
template <typename Real> StreamCell<Real> gruode_stream(int inputs, int units, const Gruode<Real> &, void *memory);
template <typename Real> StreamCell<Real> ltc_stream(int inputs, int units, const Ltc<Real> &, void *memory);
template <typename Real> StreamCell<Real> gates_stream(int inputs, int units, const Gates<Real> &, void *memory);
template <typename Real> StreamCell<Real> recall_stream(const StreamCell<Real> &cell, const Recall<Real> &, void *memory);
template <typename Real> Step<Real> pack_step(const StepSpec<Real> &, void *memory);

template <typename Real> const Kernels<Real> &table();

}  // namespace TAUFLOW_ISA
}  // namespace tauflow
