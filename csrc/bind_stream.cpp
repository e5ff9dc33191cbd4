// A stream as a Python object that is called with a sample.
//
// Such a call is to cost little more than the sample itself, so the class is written for CPython directly: numbers go in from an array, from
// whatever has the buffer protocol, or from a list. What this file does not know, any other kind of x and the sentence of an error,
// it asks of the Python class that derives from this one: `_convert`, `_refuse`.
#include "bind.h"
#include "numpy_abi.h"

#include <structmember.h>

#include <cstddef>
#include <cstring>
#include <new>
#include <stdexcept>

namespace {

using tauflow::Session;

struct Object {
    PyObject_HEAD
    vectorcallfunc call;
    PyObject *program;
    Py_ssize_t inputs, outputs, units;
    Session<float> *single;  // one of the two
    Session<double> *wide;
};

template <typename Real> Session<Real> &stream_of(Object *self);
template <> Session<float> &stream_of(Object *self) { return *self->single; }
template <> Session<double> &stream_of(Object *self) { return *self->wide; }

template <typename Real> constexpr char letter = sizeof(Real) == 4 ? 'f' : 'd';

Numpy numpy;

// A vector of n numbers somewhere in memory; false and no error where `object` is none.
struct Vector {
    char *data = nullptr;
    Py_ssize_t n = 0, stride = 0;  // numbers; bytes
    Py_buffer view;
    bool held = false;
    ~Vector() {
        if (held) PyBuffer_Release(&view);
    }
    template <typename Real> bool open(PyObject *object, Py_ssize_t size, bool writable) {
        n = size;
        if (Py_TYPE(object) == numpy.array) {
            const NumpyArray *const array = reinterpret_cast<NumpyArray *>(object);
            const int wanted = writable ? NUMPY_ALIGNED | NUMPY_WRITEABLE : NUMPY_ALIGNED;
            if (array->nd == 1 && array->dimensions[0] == n && array->descr == numpy.descr<Real>() && (array->flags & wanted) == wanted) {
                data = array->data, stride = array->strides[0];
                return true;
            }
        }
        const int flags = PyBUF_STRIDES | PyBUF_FORMAT | (writable ? PyBUF_WRITABLE : 0);
        if (!PyObject_CheckBuffer(object) || PyObject_GetBuffer(object, &view, flags) != 0) {
            PyErr_Clear();
            return false;
        }
        held = true;
        const char *const format = view.format;
        data = static_cast<char *>(view.buf), stride = view.ndim == 1 ? view.strides[0] : 0;
        return view.ndim == 1 && view.shape[0] == n && view.itemsize == sizeof(Real) && format && format[0] == letter<Real> && format[1] == 0;
    }
    template <typename Real> void copy_to(Real *to) const {
        for (Py_ssize_t i = 0; i < n; ++i) std::memcpy(to + i, data + i * stride, sizeof(Real));
    }
    template <typename Real> void copy_from(const Real *from) const {
        for (Py_ssize_t i = 0; i < n; ++i) std::memcpy(data + i * stride, from + i, sizeof(Real));
    }
};

// x (n) from a list or tuple of plain numbers; false where it is anything else. Runs no Python code.
template <typename Real> bool from_sequence(PyObject *object, Py_ssize_t n, Real *x) {
    const bool list = PyList_CheckExact(object);
    if (!list && !PyTuple_CheckExact(object)) return false;
    if (PySequence_Fast_GET_SIZE(object) != n) return false;
    PyObject **const items = PySequence_Fast_ITEMS(object);
    for (Py_ssize_t i = 0; i < n; ++i) {
        if (PyFloat_CheckExact(items[i])) {
            x[i] = Real(PyFloat_AS_DOUBLE(items[i]));
        } else if (PyLong_CheckExact(items[i])) {
            const double value = PyLong_AsDouble(items[i]);
            if (value == -1.0 && PyErr_Occurred()) {
                PyErr_Clear();
                return false;
            }
            x[i] = Real(value);
        } else {
            return false;
        }
    }
    return true;
}

template <typename Real> bool read(PyObject *object, Py_ssize_t n, Real *x) {
    if (from_sequence(object, n, x)) return true;
    Vector vector;
    if (!vector.open<Real>(object, n, false)) return false;
    vector.copy_to(x);
    return true;
}

// Fills the stream's x, or sets an error.
template <typename Real> bool take(Object *self, PyObject *object) {
    Real *const x = stream_of<Real>(self).x();
    if (read(object, self->inputs, x)) return true;
    PyObject *const converted = PyObject_CallMethod(reinterpret_cast<PyObject *>(self), "_convert", "O", object);
    if (!converted) return false;
    const bool taken = read(converted, self->inputs, x);
    Py_DECREF(converted);
    if (!taken) PyErr_SetString(PyExc_SystemError, "_convert of a stream gave no vector of its inputs");
    return taken;
}

PyObject *refuse(Object *self, int why, std::size_t stage, std::size_t index, double value) {
    PyObject *const said = PyObject_CallMethod(reinterpret_cast<PyObject *>(self), "_refuse", "innd", why, Py_ssize_t(stage),
                                               Py_ssize_t(index), value);
    if (said) {
        Py_DECREF(said);
        PyErr_SetString(PyExc_SystemError, "_refuse of a stream raised nothing");
    }
    return nullptr;
}

// (x, dt=1.0, out=None)
bool arguments(PyObject *const *args, std::size_t nargsf, PyObject *kwnames, PyObject *(&given)[3]) {
    static const char *const names[] = {"x", "dt", "out"};
    const Py_ssize_t positional = PyVectorcall_NARGS(nargsf), named = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
    if (positional > 3) {
        PyErr_Format(PyExc_TypeError, "a stream takes x, dt and out, but %zd arguments were given", positional);
        return false;
    }
    for (Py_ssize_t i = 0; i < positional; ++i) given[i] = args[i];
    for (Py_ssize_t k = 0; k < named; ++k) {
        PyObject *const name = PyTuple_GET_ITEM(kwnames, k);
        int i = 0;
        while (i < 3 && PyUnicode_CompareWithASCIIString(name, names[i]) != 0) ++i;
        if (i == 3 || given[i]) {
            PyErr_Format(PyExc_TypeError, i == 3 ? "a stream takes x, dt and out, not %R" : "a stream was given %R twice", name);
            return false;
        }
        given[i] = args[positional + k];
    }
    if (!given[0]) PyErr_SetString(PyExc_TypeError, "a stream is called with a sample: stream(x, dt)");
    return given[0];
}

template <typename Real> PyObject *call(PyObject *object, PyObject *const *args, std::size_t nargsf, PyObject *kwnames) {
    Object *const self = reinterpret_cast<Object *>(object);
    PyObject *given[3] = {nullptr, nullptr, nullptr};
    if (!arguments(args, nargsf, kwnames, given)) return nullptr;
    PyObject *const out = given[2] == Py_None ? nullptr : given[2];
    double dt = 1;
    if (given[1] && given[1] != Py_None) {
        dt = PyFloat_AsDouble(given[1]);
        if (dt == -1.0 && PyErr_Occurred()) return nullptr;
    }
    if (!take<Real>(self, given[0])) return nullptr;
    Session<Real> &stream = stream_of<Real>(self);
    if (!out) {
        PyObject *const y = numpy.make<Real>(self->outputs);
        if (!y) return nullptr;
        const tauflow::Refusal why = stream.step(Real(dt), reinterpret_cast<Real *>(reinterpret_cast<NumpyArray *>(y)->data));
        if (why == tauflow::ACCEPTED) return y;
        Py_DECREF(y);
        return refuse(self, why, stream.stage, stream.index, stream.value);
    }
    Vector to;
    if (!to.open<Real>(out, self->outputs, true)) {
        PyObject *const said = PyObject_CallMethod(object, "_refuse_out", "O", out);
        Py_XDECREF(said);
        if (said) PyErr_SetString(PyExc_SystemError, "_refuse_out of a stream raised nothing");
        return nullptr;
    }
    const tauflow::Refusal why = stream.step(Real(dt), stream.y());
    if (why != tauflow::ACCEPTED) return refuse(self, why, stream.stage, stream.index, stream.value);
    to.copy_from(stream.y());
    Py_INCREF(out);
    return out;
}

template <typename Real> PyObject *save_or_load(PyObject *object, PyObject *array, bool load) {
    Object *const self = reinterpret_cast<Object *>(object);
    Vector h;
    if (!h.open<Real>(array, self->units, !load) || h.stride != sizeof(Real)) {
        PyErr_SetString(PyExc_ValueError, "a stream's state goes by a contiguous vector of its own size and type");
        return nullptr;
    }
    if (load) stream_of<Real>(self).load(reinterpret_cast<const Real *>(h.data));
    else stream_of<Real>(self).save(reinterpret_cast<Real *>(h.data));
    Py_RETURN_NONE;
}
PyObject *save(PyObject *self, PyObject *array) {
    return reinterpret_cast<Object *>(self)->wide ? save_or_load<double>(self, array, false) : save_or_load<float>(self, array, false);
}
PyObject *load(PyObject *self, PyObject *array) {
    return reinterpret_cast<Object *>(self)->wide ? save_or_load<double>(self, array, true) : save_or_load<float>(self, array, true);
}

template <typename Real> bool start(Object *self, const tauflow::Program<Real> &program, Session<Real> *&stream) {
    self->call = call<Real>;
    stream = new (std::nothrow) Session<Real>(program);
    if (!stream) {
        PyErr_NoMemory();
        return false;
    }
    self->inputs = program.inputs, self->outputs = Py_ssize_t(stream->outputs()), self->units = Py_ssize_t(stream->states());
    return true;
}

PyObject *make(PyTypeObject *type, PyObject *args, PyObject *) {
    PyObject *program = nullptr;
    if (!PyArg_ParseTuple(args, "O", &program) || !numpy.load()) return nullptr;
    AnyProgram *any = nullptr;
    if (!nb::try_cast<AnyProgram *>(nb::handle(program), any) || !any) {
        PyErr_SetString(PyExc_TypeError, "a stream is made from a Program");
        return nullptr;
    }
    Object *const self = reinterpret_cast<Object *>(type->tp_alloc(type, 0));
    if (!self) return nullptr;
    Py_INCREF(program);
    self->program = program;
    bool started = false;
    try {
        started = any->is_double ? start(self, *any->wide, self->wide) : start(self, *any->single, self->single);
    } catch (const std::bad_alloc &) {
        PyErr_NoMemory();
    } catch (const std::invalid_argument &error) {
        PyErr_SetString(PyExc_ValueError, error.what());
    }
    if (started) {
        any->in_use = true;
        return reinterpret_cast<PyObject *>(self);
    }
    Py_DECREF(self);
    return nullptr;
}

void end(PyObject *object) {
    Object *const self = reinterpret_cast<Object *>(object);
    PyTypeObject *const type = Py_TYPE(object);
    delete self->single;
    delete self->wide;
    Py_XDECREF(self->program);
    type->tp_free(object);
    Py_DECREF(type);
}

// Time that passes without a sample.
template <typename Real> PyObject *skip_on(Object *self, double dt) {
    Session<Real> &stream = stream_of<Real>(self);
    if (!stream.can_skip(Real(dt))) return refuse(self, tauflow::BAD_GAP, 0, 0, dt);
    stream.skip(Real(dt));
    Py_RETURN_NONE;
}
PyObject *skip(PyObject *object, PyObject *gap) {
    Object *const self = reinterpret_cast<Object *>(object);
    const double dt = PyFloat_AsDouble(gap);
    if (dt == -1.0 && PyErr_Occurred()) return nullptr;
    return self->wide ? skip_on<double>(self, dt) : skip_on<float>(self, dt);
}
PyObject *skipped(PyObject *object, PyObject *) {
    const Object *const self = reinterpret_cast<Object *>(object);
    return PyFloat_FromDouble(self->wide ? self->wide->skipped() : double(self->single->skipped()));
}

template <typename Real> PyObject *fill_statics(Session<Real> &stream, PyObject *array, Py_ssize_t n) {
    Vector s;
    if (n == 0 || !s.open<Real>(array, n, false)) {
        PyErr_SetString(PyExc_ValueError, "what a stream is given once goes by a vector of its own size and type");
        return nullptr;
    }
    s.copy_to(stream.statics());
    Py_RETURN_NONE;
}
PyObject *begin(PyObject *object, PyObject *array) {
    Object *const self = reinterpret_cast<Object *>(object);
    return self->wide ? fill_statics(*self->wide, array, self->wide->static_count()) : fill_statics(*self->single, array, self->single->static_count());
}

// Go on with another program of the same sizes, from its first state.
PyObject *switch_to(PyObject *object, PyObject *program) {
    Object *const self = reinterpret_cast<Object *>(object);
    AnyProgram *any = nullptr;
    if (!nb::try_cast<AnyProgram *>(nb::handle(program), any) || !any || any->is_double != (self->wide != nullptr)) {
        PyErr_SetString(PyExc_TypeError, "a stream goes on with a Program of its own number type");
        return nullptr;
    }
    const auto change = [&](auto *&stream, const auto &to) {
        auto *const old = stream;
        if (old->static_count() != to.statics) {
            PyErr_SetString(PyExc_ValueError, "a stream goes on with a network that is given as much once");
            return false;
        }
        const Py_ssize_t sizes[] = {self->inputs, self->outputs, self->units};
        auto *fresh = old;
        if (!start(self, to, fresh)) return false;
        if (sizes[0] != self->inputs || sizes[1] != self->outputs || sizes[2] != self->units) {
            self->inputs = sizes[0], self->outputs = sizes[1], self->units = sizes[2];
            delete fresh;
            PyErr_SetString(PyExc_ValueError, "a stream goes on with a network of its own sizes");
            return false;
        }
        stream = fresh;
        delete old;
        return true;
    };
    try {
        if (!(self->wide ? change(self->wide, *any->wide) : change(self->single, *any->single))) return nullptr;
    } catch (const std::bad_alloc &) {
        return PyErr_NoMemory();
    } catch (const std::invalid_argument &error) {
        return PyErr_SetString(PyExc_ValueError, error.what()), nullptr;
    }
    any->in_use = true;
    Py_INCREF(program);
    Py_DECREF(self->program);
    self->program = program;
    Py_RETURN_NONE;
}

PyMethodDef methods[] = {
    {"_switch", switch_to, METH_O, "Go on with another program."},
    {"_skip", skip, METH_O, "Time that passes without a sample."},
    {"_skipped", skipped, METH_NOARGS, "How much of it the next sample will add to its own."},
    {"_begin", begin, METH_O, "What is given once, before the first sample."},
    {"_save", save, METH_O, "Copy the state into a vector."},
    {"_load", load, METH_O, "Go on from the state in a vector."},
    {nullptr, nullptr, 0, nullptr},
};
PyMemberDef members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(Object, call), READONLY, nullptr},
    {"inputs", T_PYSSIZET, offsetof(Object, inputs), READONLY, "numbers in a sample"},
    {"outputs", T_PYSSIZET, offsetof(Object, outputs), READONLY, "numbers that come out"},
    {"state_size", T_PYSSIZET, offsetof(Object, units), READONLY, "numbers in the state"},
    {"program", T_OBJECT, offsetof(Object, program), READONLY, "the packed network"},
    {nullptr, 0, 0, 0, nullptr},
};
PyType_Slot slots[] = {
    {Py_tp_new, reinterpret_cast<void *>(make)},
    {Py_tp_dealloc, reinterpret_cast<void *>(end)},
    {Py_tp_call, reinterpret_cast<void *>(PyVectorcall_Call)},
    {Py_tp_methods, methods},
    {Py_tp_members, members},
    {0, nullptr},
};
PyType_Spec spec = {"tauflow._core.Stream", sizeof(Object), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_VECTORCALL, slots};

}  // namespace

nb::object stream_type() { return nb::steal(PyType_FromSpec(&spec)); }

// Before Python 3.12 only a class whose attributes can't be set any more inherits the short way of calling; without it dt=... costs a dict.
void call_directly(nb::type_object derived_type) {
    PyTypeObject *const derived = reinterpret_cast<PyTypeObject *>(derived_type.ptr());
    if (derived->tp_call != PyVectorcall_Call) throw nb::type_error("a class that is called directly leaves __call__ as Stream has it");
    derived->tp_flags |= Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_IMMUTABLETYPE;
    PyType_Modified(derived);
}
