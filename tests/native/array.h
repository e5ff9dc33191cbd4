// An array between two guard zones, at an address that is right for one number and for nothing larger.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#define WATCHED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WATCHED 1
#endif
#endif
#ifdef WATCHED
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(start, bytes) (void)(start), (void)(bytes)
#define ASAN_UNPOISON_MEMORY_REGION(start, bytes) (void)(start), (void)(bytes)
#endif

namespace native {

template <typename Number> class Array {
public:
    // aligned: to 64 bytes, as a kernel's own memory must be
    explicit Array(std::size_t n, bool aligned = false)
        : bytes_(n * sizeof(Number)), front_(aligned ? ZONE : ZONE + sizeof(Number)),
          memory_(static_cast<std::uint8_t *>(std::aligned_alloc(64, (front_ + bytes_ + ZONE + 63) / 64 * 64))) {
        if (!memory_) std::abort();
        std::memset(memory_, GUARD, front_);
        std::memset(memory_ + front_ + bytes_, GUARD, ZONE);
        ASAN_POISON_MEMORY_REGION(memory_, front_);
        ASAN_POISON_MEMORY_REGION(memory_ + front_ + bytes_, ZONE);
    }
    Array(Array &&other) noexcept : bytes_(other.bytes_), front_(other.front_), memory_(other.memory_) { other.memory_ = nullptr; }
    Array(const Array &) = delete;
    Array &operator=(const Array &) = delete;
    ~Array() {
        if (memory_) open();
        std::free(memory_);
    }

    Number *data() { return reinterpret_cast<Number *>(memory_ + front_); }
    const Number *data() const { return reinterpret_cast<const Number *>(memory_ + front_); }
    std::size_t size() const { return bytes_ / sizeof(Number); }
    void fill(int byte) { std::memset(data(), byte, bytes_); }

    // Whether the guard zones are as they were. They are no longer watched afterwards.
    bool intact() {
        open();
        for (std::size_t i = 0; i < front_; ++i)
            if (memory_[i] != GUARD) return false;
        for (std::size_t i = 0; i < ZONE; ++i)
            if (memory_[front_ + bytes_ + i] != GUARD) return false;
        return true;
    }

private:
    void open() { ASAN_UNPOISON_MEMORY_REGION(memory_, front_ + bytes_ + ZONE); }

    static constexpr std::size_t ZONE = 256;
    static constexpr std::uint8_t GUARD = 0xff;  // NaN, for whoever reads it as a number
    std::size_t bytes_, front_;
    std::uint8_t *memory_;
};

}  // namespace native
