// NumPy's arrays by their binary interface. Every extension that was built with NumPy's headers relies on it, and it has been the same from
// 1.7 on; known here, a one-dimensional array is read and made in a tenth of the time that the ways through Python take.
#pragma once

#include <Python.h>

// The head of an array.
struct NumpyArray {
    PyObject_HEAD
    char *data;
    int nd;
    Py_ssize_t *dimensions, *strides;
    PyObject *base, *descr;
    int flags;
};
constexpr int NUMPY_ALIGNED = 0x0100, NUMPY_WRITEABLE = 0x0400;

struct Numpy {
    PyTypeObject *array = nullptr;  // plain arrays; subclasses go by the buffer protocol
    PyObject *float32 = nullptr, *float64 = nullptr;

    template <typename Real> PyObject *descr() const { return sizeof(Real) == 4 ? float32 : float64; }

    // A fresh array of n numbers, not filled; null with an error when there is no memory.
    template <typename Real> PyObject *make(Py_ssize_t n) const {
        PyObject *const type = descr<Real>();
        Py_INCREF(type);  // the call takes it
        return new_from_descr(array, type, 1, &n, nullptr, nullptr, 0, nullptr);
    }

    // Found once; false with an error where this NumPy is not the one that is known here.
    bool load() {
        if (array) return true;
        PyObject *const numpy = PyImport_ImportModule("numpy");
        PyObject *multiarray = numpy ? PyImport_ImportModule("numpy._core.multiarray") : nullptr;
        if (numpy && !multiarray) {  // before NumPy 2
            PyErr_Clear();
            multiarray = PyImport_ImportModule("numpy.core.multiarray");
        }
        PyObject *const capsule = multiarray ? PyObject_GetAttrString(multiarray, "_ARRAY_API") : nullptr;
        PyObject *const type = capsule ? PyObject_GetAttrString(numpy, "ndarray") : nullptr;
        float32 = type ? PyObject_CallMethod(numpy, "dtype", "s", "f") : nullptr;
        float64 = float32 ? PyObject_CallMethod(numpy, "dtype", "s", "d") : nullptr;
        void **const table = float64 ? static_cast<void **>(PyCapsule_GetPointer(capsule, nullptr)) : nullptr;
        // The version is that of NumPy 1 or 2: PyArray_GetNDArrayCVersion; then PyArray_Type, PyArray_NewFromDescr.
        const unsigned version = table ? reinterpret_cast<unsigned (*)()>(table[0])() : 0;
        if ((version == 0x01000009 || version == 0x02000000) && table[2] == type) {
            new_from_descr = reinterpret_cast<NewFromDescr>(table[94]);
            array = reinterpret_cast<PyTypeObject *>(type);
        } else if (table) {
            PyErr_SetString(PyExc_ImportError, "this NumPy has another binary interface than those that tauflow's streams know");
        }
        Py_XDECREF(capsule);
        Py_XDECREF(multiarray);
        Py_XDECREF(numpy);
        return array;
    }

private:
    using NewFromDescr = PyObject *(*)(PyTypeObject *, PyObject *, int, const Py_ssize_t *, const Py_ssize_t *, void *, int, PyObject *);
    NewFromDescr new_from_descr = nullptr;
};
