/* The steps in C99, one function a kind: an export copies those that it needs. A chunk is a comment and what follows it up to an
   empty line. z: what a step reads; y: what it makes; h, next: what it remembers, before and after; t: the gap in periods;
   work: memory that it may use as it likes. */

/* The bits of x within +-limit, whose own bits are given; without a branch, so that compilers put four side by side. */
#ifndef TAUFLOW_LIBM
static float within(float x, int32_t limit)
{
    uint32_t bits;
    int32_t size;
    float kept;
    memcpy(&bits, &x, sizeof bits);
    size = (int32_t)(bits & 0x7fffffffu);
    bits = (bits & 0x80000000u) | (uint32_t)(size < limit ? size : limit);
    memcpy(&kept, &bits, sizeof kept);
    return kept;
}
#endif

/* y, or NaN where x is NaN; without a branch */
#ifndef TAUFLOW_LIBM
static float unless_nan(float y, float x)
{
    uint32_t of_x, of_y;
    memcpy(&of_x, &x, sizeof of_x);
    memcpy(&of_y, &y, sizeof of_y);
    of_y |= (int32_t)(of_x & 0x7fffffffu) > 0x7f800000 ? 0x7fc00000u : 0u;
    memcpy(&y, &of_y, sizeof y);
    return y;
}
#endif

/* exp(x), relative error below 2e-7; beyond +-87 as at +-87. Define TAUFLOW_LIBM for that of the library. */
static float exp_of(float x)
{
#ifdef TAUFLOW_LIBM
    return expf(x);
#else
    const float v = within(x, 0x42ae0000); /* 87 */
    const int32_t k = (int32_t)(v * 1.44269504f + 128.5f) - 128;
    const float r = (v - (float)k * 0.693359375f) + (float)k * 2.12194440e-4f; /* v - k ln 2 */
    const float p = ((((1.98756915e-4f * r + 1.39819995e-3f) * r + 8.33345191e-3f) * r + 4.16657959e-2f) * r + 0.166666655f) * r;
    const uint32_t bits = (uint32_t)(k + 127) << 23; /* 2^k */
    float power;
    memcpy(&power, &bits, sizeof power);
    return unless_nan(power * (((p + 0.5f) * r * r + r) + 1.0f), x);
#endif
}

/* 1 / (1 + exp(-x)), relative error below 3e-7 */
static float sigmoid_of(float x)
{
    return 1.0f / (1.0f + exp_of(-x));
}

/* tanh(v) is v above / below of q = v^2, for |v| < 7.91 */
#ifndef TAUFLOW_LIBM
static inline float tanh_above(float q)
{
    return (((((-2.76076848e-16f * q + 2.00018790e-13f) * q - 8.60467152e-11f) * q + 5.12229709e-8f) * q + 1.48572236e-5f) * q
            + 6.37261929e-4f) * q + 4.89352456e-3f;
}
#endif

/* See above. */
#ifndef TAUFLOW_LIBM
static inline float tanh_below(float q)
{
    return ((1.19825840e-6f * q + 1.18534706e-4f) * q + 2.26843463e-3f) * q + 4.89352519e-3f;
}
#endif

/* tanh(x), relative error below 6e-7, absolute below 2e-7: a quotient of polynomials, 1 beyond +-7.9. */
static float tanh_of(float x)
{
#ifdef TAUFLOW_LIBM
    return tanhf(x);
#else
    const float v = within(x, 0x40fcf84f), q = v * v; /* 7.9053 */
    return unless_nan(v * tanh_above(q) / tanh_below(q), x);
#endif
}

/* log(x) for x > 0, relative error below 2e-7 */
static float log_of(float x)
{
#ifdef TAUFLOW_LIBM
    return logf(x);
#else
    uint32_t bits;
    int32_t k;
    float m, q, p;
    memcpy(&bits, &x, sizeof bits);
    k = (int32_t)(bits >> 23) - 126;
    bits = (bits & 0x007fffffu) | 0x3f000000u;
    memcpy(&m, &bits, sizeof m); /* x = m 2^k, m in [1/2, 1) */
    if (m < 0.707106781f) {
        m += m;
        k -= 1;
    }
    m -= 1.0f;
    q = m * m;
    p = (((((((7.0376836292e-2f * m - 1.1514610310e-1f) * m + 1.1676998740e-1f) * m - 1.2420140846e-1f) * m + 1.4249322787e-1f) * m
           - 1.6668057665e-1f) * m + 2.0000714765e-1f) * m - 2.4999993993e-1f) * m + 3.3333331174e-1f;
    p = p * m * q - 2.12194440e-4f * (float)k - 0.5f * q;
    return (m + p) + 0.693359375f * (float)k;
#endif
}

/* log(1 + x) for x >= 0 */
static float log1p_of(float x)
{
    const float u = 1.0f + x;
    return u > 1.0f ? log_of(u) * (x / (u - 1.0f)) : x;
}

/* log(1 + exp(x)) */
static float softplus_of(float x)
{
    return x > 20.0f ? x : log1p_of(exp_of(x));
}

/* cos(x) for quarter = 1, sin(x) for quarter = 0, absolute error below 2e-7; beyond 1e9, where a float has no phase, as at 0. */
static float wave_of(float x, int quarter)
{
    const double angle = (x < 1e9f && x > -1e9f) ? (double)x : 0.0;
    const double quarters = angle * 0.63661977236758134;
    const int32_t k = (int32_t)(quarters + (quarters < 0.0 ? -0.5 : 0.5));
    const float r = (float)(angle - (double)k * 1.5707963267948966), q = r * r;
    const uint32_t place = ((uint32_t)k + (uint32_t)quarter) & 3u;
    const float sine = ((-1.9515295891e-4f * q + 8.3321608736e-3f) * q - 1.6666654611e-1f) * q * r + r;
    const float cosine = ((2.443315711809948e-5f * q - 1.388731625493765e-3f) * q + 4.166664568298827e-2f) * q * q - 0.5f * q + 1.0f;
    const float y = (place & 1u) ? cosine : sine;
    return (place & 2u) ? -y : y;
}

/* The integral of the normal distribution: 0.5 (1 + erf(x / sqrt 2)), absolute error below 3e-7 */
static float normal_of(float x)
{
    const float z = x * 0.707106781f, low = z > -4.0f ? z : -4.0f, v = low < 4.0f ? low : 4.0f, q = v * v;
    const float above = (((((-2.72614225801306e-10f * q + 2.77068142495902e-08f) * q - 2.10102402082508e-06f) * q - 5.69250639462346e-05f) * q
                          - 7.34990630326855e-04f) * q - 2.95459980854025e-03f) * q - 1.60960333262415e-02f;
    const float below = (((-1.45660718464996e-05f * q - 2.13374055278905e-04f) * q - 1.68282697438203e-03f) * q - 7.37332916720468e-03f) * q
                        - 1.42647390514189e-02f;
    return 0.5f + 0.5f * (v * above / below);
}

/* The square root of x >= 0: Heron's step, four times. */
static float root_of(float x)
{
    uint32_t bits;
    float y;
    int i;
    if (!(x > 1e-37f)) {
        return 0.0f;
    }
    memcpy(&bits, &x, sizeof bits);
    bits = (bits >> 1) + 0x1fbd1df5u;
    memcpy(&y, &bits, sizeof y);
    for (i = 0; i < 4; ++i) {
        y = 0.5f * (y + x / y);
    }
    return y;
}

/* Four at once, which compilers put side by side in a register. */
static void tanh4(float v[4])
{
    int i;
    for (i = 0; i < 4; ++i) {
        v[i] = tanh_of(v[i]);
    }
}

/* 1 / (1 + exp(-x)), absolute error below 2e-7, of x that is no NaN: (1 + tanh(x / 2)) / 2 with the polynomials of tanh_of */
static float open_of(float x)
{
#ifdef TAUFLOW_LIBM
    return 1.0f / (1.0f + expf(-x));
#else
    const float half = 0.5f * within(x, 0x417cf84f), q = half * half; /* 15.8106 */
    return 0.5f + 0.5f * (half * tanh_above(q) / tanh_below(q));
#endif
}

/* Four at once, which compilers put side by side in a register. */
static void open4(float v[4])
{
    int i;
    for (i = 0; i < 4; ++i) {
        v[i] = open_of(v[i]);
    }
}

/* The same; NaN stays NaN */
static void sigmoid4(float v[4])
{
    int i;
    for (i = 0; i < 4; ++i) {
#ifdef TAUFLOW_LIBM
        v[i] = open_of(v[i]);
#else
        v[i] = unless_nan(open_of(v[i]), v[i]);
#endif
    }
}

/* tanh of n numbers */
static void tanh_all(float *v, int n)
{
    int i = 0;
    for (; i + 4 <= n; i += 4) {
        tanh4(v + i);
    }
    for (; i < n; ++i) {
        v[i] = tanh_of(v[i]);
    }
}

/* 1 / (1 + exp(-v)) of n numbers */
static void sigmoid_all(float *v, int n)
{
    int i = 0;
    for (; i + 4 <= n; i += 4) {
        sigmoid4(v + i);
    }
    for (; i < n; ++i) {
        v[i] = sigmoid_of(v[i]);
    }
}

/* 1.7159 tanh(0.666 v) */
static void lecun_tanh_all(float *v, int n)
{
    int i;
    for (i = 0; i < n; ++i) {
        v[i] *= 0.666f;
    }
    tanh_all(v, n);
    for (i = 0; i < n; ++i) {
        v[i] *= 1.7159f;
    }
}

/* max(v, 0); NaN stays NaN */
static void relu_all(float *v, int n)
{
    int i;
    for (i = 0; i < n; ++i) {
        v[i] = v[i] < 0.0f ? 0.0f : v[i];
    }
}

/* v sigmoid(v) */
static void silu_all(float *v, int n)
{
    int i;
    for (i = 0; i < n; ++i) {
        v[i] *= sigmoid_of(v[i]);
    }
}

/* log(1 + exp(v)) */
static void softplus_all(float *v, int n)
{
    int i;
    for (i = 0; i < n; ++i) {
        v[i] = softplus_of(v[i]);
    }
}

/* v / (1 + |v|) */
static void softsign_all(float *v, int n)
{
    int i;
    for (i = 0; i < n; ++i) {
        v[i] /= 1.0f + (v[i] < 0.0f ? -v[i] : v[i]);
    }
}

/* v Phi(v) */
static void gelu_all(float *v, int n)
{
    int i;
    for (i = 0; i < n; ++i) {
        v[i] *= normal_of(v[i]);
    }
}

/* to = from */
static void copy(float *to, const float *from, int n)
{
    int i;
    for (i = 0; i < n; ++i) {
        to[i] = from[i];
    }
}

/* from h towards q by the share a, exact at both ends */
static float between(float h, float q, float a)
{
    return a < 0.5f ? h + a * (q - h) : q - (1.0f - a) * (q - h);
}

/* How far a leak moves within z = dt rate: 1 - exp(-z), as 2 tanh(z/2) / (1 + tanh(z/2)), which keeps small z */
static float exponential(float z)
{
#ifdef TAUFLOW_LIBM
    return -expm1f(-z);
#else
    const float v = 0.5f * within(z, 0x417cf84f), q = v * v, above = v * tanh_above(q);
    return unless_nan(2.0f * above / (tanh_below(q) + above), z);
#endif
}

/* How far a leak moves within z = dt rate: z / (1 + z) */
static float semi_implicit(float z)
{
    const float r = z < 1e30f ? z : 1e30f;
    return r / (1.0f + r);
}

/* How far a leak moves within z = dt rate: z, which must not be longer than 1 */
static float euler(float z)
{
    return z;
}

/* y = (z - mean) inverse */
static void standardize(const float *z, const float *mean, const float *inverse, int n, float *y)
{
    int i;
    for (i = 0; i < n; ++i) {
        y[i] = (z[i] - mean[i]) * inverse[i];
    }
}

/* y = z w + b */
static void affine(const float *z, const float *w, const float *b, int n, float *y)
{
    int i;
    for (i = 0; i < n; ++i) {
        y[i] = z[i] * w[i] + b[i];
    }
}

/* y = [last known value, known now, log(1 + time since)]; NaN is unknown */
static void carry(const float *z, float t, const float *h, int n, float *next, float *y)
{
    int i;
    for (i = 0; i < n; ++i) {
        const int known = z[i] == z[i];
        next[i] = known ? z[i] : h[i];
        next[n + i] = known ? 0.0f : h[n + i] + t;
        y[i] = next[i];
        y[n + i] = known ? 1.0f : 0.0f;
        y[2 * n + i] = log1p_of(next[n + i]);
    }
}

/* y = W z + b, W (n, m) */
static void dense(const float *z, int m, const float *W, const float *b, int n, float *y)
{
    int i, j;
    for (i = 0; i < n; ++i) {
        float sum = b[i];
        for (j = 0; j < m; ++j) {
            sum += W[i * m + j] * z[j];
        }
        y[i] = sum;
    }
}

/* y = W z + b for four rows at a time: W holds their weights side by side, b and y have room for whole fours */
static void dense4(const float *z, int m, const float *W, const float *b, int n, float *y)
{
    int i, j, k;
    for (i = 0; i < n; i += 4) {
        float sum[4];
        for (k = 0; k < 4; ++k) {
            sum[k] = b[i + k];
        }
        for (j = 0; j < m; ++j, W += 4) {
            const float one = z[j];
            for (k = 0; k < 4; ++k) {
                sum[k] += W[k] * one;
            }
        }
        for (k = 0; k < 4; ++k) {
            y[i + k] = sum[k];
        }
    }
}

/* The windows of an image (channels, height, width) side by side: seen of window (i, j) */
static void window(const float *z, const int *size, const int *kernel, int row, int column, float *seen)
{
    int c, k, l, at = 0;
    for (c = 0; c < size[0]; ++c) {
        for (k = row; k < row + kernel[0]; ++k) {
            for (l = column; l < column + kernel[1]; ++l, ++at) {
                const int inside = k >= 0 && k < size[1] && l >= 0 && l < size[2];
                seen[at] = inside ? z[(c * size[1] + k) * size[2] + l] : 0.0f;
            }
        }
    }
}

/* y (filters, made): W window + b at every place; how: channels, height, width, kernel (2), stride (2), padding (2), made (2) */
static void convolve(const float *z, const int *how, const float *W, const float *b, int filters, float *work, float *y)
{
    const int patch = how[0] * how[3] * how[4];
    int f, i, j;
    for (i = 0; i < how[9]; ++i) {
        for (j = 0; j < how[10]; ++j) {
            window(z, how, how + 3, i * how[5] - how[7], j * how[6] - how[8], work);
            dense(work, patch, W, b, filters, work + patch);
            for (f = 0; f < filters; ++f) {
                y[(f * how[9] + i) * how[10] + j] = work[patch + f];
            }
        }
    }
}

/* The sum of `count` vectors of n numbers */
static void add(const float *z, int count, int n, float *y)
{
    int i, k;
    for (i = 0; i < n; ++i) {
        y[i] = z[i];
        for (k = 1; k < count; ++k) {
            y[i] += z[k * n + i];
        }
    }
}

/* Their mean, from the first to before the last number */
static void mean_of(const float *z, int count, int n, int last, float *y)
{
    int i, k;
    for (i = 0; i < last; ++i) {
        float sum = z[i];
        for (k = 1; k < count; ++k) {
            sum += z[k * n + i];
        }
        y[i] = sum / (float)count;
    }
}

/* The mean of probabilities that are given by their logarithms */
static void log_mean_of(const float *z, int count, int n, float *y)
{
    int i, k;
    for (i = 0; i < n; ++i) {
        float most = z[i], sum = 0.0f;
        for (k = 1; k < count; ++k) {
            most = z[k * n + i] > most ? z[k * n + i] : most;
        }
        for (k = 0; k < count; ++k) {
            sum += exp_of(z[k * n + i] - most);
        }
        y[i] = most + log_of(sum / (float)count);
    }
}

/* The mixture of normals: means, then deviations */
static void normal_mean_of(const float *z, int count, int n, int columns, float *y)
{
    int i, k;
    mean_of(z, count, n, columns, y);
    for (i = columns; i < n; ++i) {
        float sum = 0.0f;
        for (k = 0; k < count; ++k) {
            const float away = z[k * n + i - columns] - y[i - columns], spread = z[k * n + i];
            sum += spread * spread + away * away;
        }
        y[i] = root_of(sum / (float)count);
    }
}

/* y = [z, t, cosines, sines] of 2 pi v / period, v: the gap and some columns of z */
static void waves(const float *z, float t, int n, const float *period, int periods, const place *column, int columns, float *y)
{
    int k, p;
    copy(y, z, n);
    y[n] = t;
    y += n + 1;
    for (k = 0; k <= columns; ++k) {
        for (p = 0; p < periods; ++p) {
            const float turn = 6.28318531f * ((k == 0 ? t : z[column[k - 1]]) / period[p]);
            y[k * periods + p] = wave_of(turn, 1);
            y[(1 + columns + k) * periods + p] = wave_of(turn, 0);
        }
    }
}

/* The mean of the samples so far; h: their number and sum */
static void pool_mean(const float *z, const float *h, int n, float *next, float *y)
{
    int i;
    next[0] = h[0] + 1.0f;
    for (i = 0; i < n; ++i) {
        next[1 + i] = h[1 + i] + z[i];
        y[i] = next[1 + i] / next[0];
    }
}

/* The greatest of each number so far */
static void pool_max(const float *z, const float *h, int n, float *next, float *y)
{
    int i;
    for (i = 0; i < n; ++i) {
        next[i] = z[i] > h[i] ? z[i] : h[i];
        y[i] = next[i];
    }
}

/* The mean with weights exp(score . z); h: the largest score, the sum of weights, the weighted sum */
static void pool_attention(const float *z, const float *h, const float *score, int n, float *next, float *y)
{
    float mine = 0.0f, most, kept, fresh;
    int i;
    for (i = 0; i < n; ++i) {
        mine += score[i] * z[i];
    }
    most = mine > h[0] ? mine : h[0];
    kept = exp_of(h[0] - most);
    fresh = exp_of(mine - most);
    next[0] = most;
    next[1] = h[1] * kept + fresh;
    for (i = 0; i < n; ++i) {
        next[2 + i] = h[2 + i] * kept + z[i] * fresh;
        y[i] = next[2 + i] / (next[1] > 1e-30f ? next[1] : 1e-30f);
    }
}

/* Some of the numbers */
static void pick(const float *z, const place *which, int n, float *y)
{
    int i;
    for (i = 0; i < n; ++i) {
        y[i] = z[which[i]];
    }
}

/* Rising levels: softplus(z) are the distances from the middle one */
static void quantiles(const float *z, int levels, int columns, int middle, float *y)
{
    int c, k;
    for (c = 0; c < columns; ++c) {
        y[middle * columns + c] = z[middle * columns + c];
        for (k = middle + 1; k < levels; ++k) {
            y[k * columns + c] = y[(k - 1) * columns + c] + softplus_of(z[k * columns + c]);
        }
        for (k = middle - 1; k >= 0; --k) {
            y[k * columns + c] = y[(k + 1) * columns + c] - softplus_of(z[k * columns + c]);
        }
    }
}

/* softplus(z) + least, from the number `first` on */
static void positive(const float *z, const float *least, int first, int n, float *y)
{
    int i;
    for (i = 0; i < n; ++i) {
        y[i] = i < first ? z[i] : softplus_of(z[i]) + least[i - first];
    }
}

/* z - log sum exp z */
static void log_softmax(const float *z, int n, float *y)
{
    float most = z[0], sum = 0.0f;
    int i;
    for (i = 1; i < n; ++i) {
        most = z[i] > most ? z[i] : most;
    }
    for (i = 0; i < n; ++i) {
        sum += exp_of(z[i] - most);
    }
    sum = log_of(sum);
    for (i = 0; i < n; ++i) {
        y[i] = z[i] - most - sum;
    }
}

/* low + (high - low) sigmoid(z) */
static void squash(const float *z, const float *low, const float *high, int n, float *y)
{
    int i;
    for (i = 0; i < n; ++i) {
        y[i] = between(low[i], high[i], sigmoid_of(z[i]));
    }
}

/* The four maps of a CfC, side by side in W (n, m, 4), at z:  ff1, ff2, and time_a t + time_b of four neurons from i on */
static void heads4(const float *z, int m, float t, const float *W, const float *b, int i, int n, float *f1, float *f2, float *gate)
{
    int j, k, l;
    for (l = 0; l < 4; ++l) {
        float sum[4] = {0.0f, 0.0f, 0.0f, 0.0f};
        if (i + l < n) {
            const float *w = W + 4 * (i + l) * m;
            for (k = 0; k < 4; ++k) {
                sum[k] = b[4 * (i + l) + k];
            }
            for (j = 0; j < m; ++j, w += 4) {
                const float one = z[j];
                for (k = 0; k < 4; ++k) {
                    sum[k] += w[k] * one;
                }
            }
        }
        f1[l] = sum[0];
        f2[l] = sum[1];
        gate[l] = sum[2] * t + sum[3];
    }
}

/* The same where only some synapses exist: those of neuron i are start[i] ... start[i + 1] - 1, each with its source and four weights */
static void wired_heads4(const float *z, float t, const float *W, const place *source, const uint16_t *start, const float *b, int i, int n,
                         float *f1, float *f2, float *gate)
{
    int k, l;
    for (l = 0; l < 4; ++l) {
        float sum[4] = {0.0f, 0.0f, 0.0f, 0.0f};
        if (i + l < n) {
            int at = (int)start[i + l];
            const int end = (int)start[i + l + 1];
            for (k = 0; k < 4; ++k) {
                sum[k] = b[4 * (i + l) + k];
            }
            for (; at < end; ++at) {
                const float one = z[source[at]];
                for (k = 0; k < 4; ++k) {
                    sum[k] += W[4 * at + k] * one;
                }
            }
        }
        f1[l] = sum[0];
        f2[l] = sum[1];
        gate[l] = sum[2] * t + sum[3];
    }
}

/* h' = f1 (1 - s) + f2 s,  s = sigmoid(time_a t + time_b); without a gate h' = f1 + f2 s */
static void gate4(float *f1, float *f2, float *gate, int gated, int n, float *next)
{
    int l;
    tanh4(f1);
    tanh4(f2);
    sigmoid4(gate);
    for (l = 0; l < 4 && l < n; ++l) {
        next[l] = gated ? between(f1[l], f2[l], gate[l]) : f1[l] + f2[l] * gate[l];
    }
}

/* CfC at z = backbone([x, h]) */
static void cfc(const float *z, int m, float t, const float *W, const float *b, int gated, int n, float *next)
{
    float f1[4], f2[4], gate[4];
    int i;
    for (i = 0; i < n; i += 4) {
        heads4(z, m, t, W, b, i, n, f1, f2, gate);
        gate4(f1, f2, gate, gated, n - i, next + i);
    }
}

/* CfC at z = [x, h] with the synapses of a wiring */
static void wired_cfc(const float *z, float t, const float *W, const place *source, const uint16_t *start, const float *b, int gated, int n,
                      float *next)
{
    float f1[4], f2[4], gate[4];
    int i;
    for (i = 0; i < n; i += 4) {
        wired_heads4(z, t, W, source, start, b, i, n, f1, f2, gate);
        gate4(f1, f2, gate, gated, n - i, next + i);
    }
}

/* The closed form itself: h' = A - A exp(-t (|w_tau| + |f|)) f;  f is what ff1 gave */
static void pure_cfc(const float *f, float t, const float *w_tau, const float *A, int n, float *next)
{
    int i;
    for (i = 0; i < n; ++i) {
        const float rate = w_tau[i] + (f[i] < 0.0f ? -f[i] : f[i]);
        next[i] = A[i] - A[i] * exp_of(-t * rate) * f[i];
    }
}

/* The rest of a GRU: u from the input, w from the state, of r, z and g each:  h' = (1 - z) g + z h,  g = tanh(u_g + r w_g) */
static void gru(const float *u, const float *w, const float *h, int n, float *next)
{
    int i;
    for (i = 0; i < n; ++i) {
        const float fresh = tanh_of(u[2 * n + i] + sigmoid_of(u[i] + w[i]) * w[2 * n + i]);
        next[i] = between(fresh, h[i], sigmoid_of(u[n + i] + w[n + i]));
    }
}

/* The rest of an RNN: h' = tanh(u + w) */
static void rnn(const float *u, const float *w, int n, float *next)
{
    int i;
    for (i = 0; i < n; ++i) {
        next[i] = tanh_of(u[i] + w[i]);
    }
}

/* The rest of an LSTM: i, f, g, o of u + w;  c' = f c + i g,  h' = o tanh(c'); next = [h', c'] */
static void lstm(const float *u, const float *w, const float *h, int n, float *next)
{
    int i;
    for (i = 0; i < n; ++i) {
        const float keep = sigmoid_of(u[n + i] + w[n + i]), enter = sigmoid_of(u[i] + w[i]);
        const float cell = keep * h[n + i] + enter * tanh_of(u[2 * n + i] + w[2 * n + i]);
        next[n + i] = cell;
        next[i] = sigmoid_of(u[3 * n + i] + w[3 * n + i]) * tanh_of(cell);
    }
}

/* y = h exp(-t rate): what is left of a state after the gap */
static void decay(const float *h, float t, const float *rate, int n, float *y)
{
    int i;
    for (i = 0; i < n; ++i) {
        const float z = t * rate[i];
        y[i] = h[i] * exp_of(-(z < 80.0f ? z : 80.0f));
    }
}

/* The rest of a CTRNN: h moves towards f / rate. Returns the longest t rate. */
static float leak(const float *h, const float *f, float t, const float *rate, weight_of weight, int n, float *next)
{
    float longest = 0.0f;
    int i;
    for (i = 0; i < n; ++i) {
        const float z = t * rate[i];
        longest = z > longest ? z : longest;
        next[i] = between(h[i], f[i] / rate[i], weight(z));
    }
    return longest;
}

/* The rest of a GatedLTC: h moves towards f A / (rate + f). Returns the longest t (rate + f). */
static float gated_leak(const float *h, const float *f, float t, const float *rate, const float *A, weight_of weight, int n, float *next)
{
    float longest = 0.0f;
    int i;
    for (i = 0; i < n; ++i) {
        const float all = rate[i] + f[i], z = t * all;
        longest = z > longest ? z : longest;
        next[i] = between(h[i], f[i] * A[i] / all, weight(z));
    }
    return longest;
}

/* What the synapses give at v, added to `current` and `conductance`:  open = sigmoid(sigma (v - mu)). `count` synapses of each neuron,
   each with its source; their number is a multiple of four by some at the end that no neuron counts. open: room for all of them. */
static void hear(const float *v, const place *count, const place *source, const float *sigma, const float *mu, const float *pull,
                 const float *w, int synapses, int n, float *open, float *current, float *conductance)
{
    int i, k, at = 0;
    for (k = 0; k < synapses; k += 4) {
        float one[4];
        one[0] = v[source[k]];
        one[1] = v[source[k + 1]];
        one[2] = v[source[k + 2]];
        one[3] = v[source[k + 3]];
        for (i = 0; i < 4; ++i) {
            one[i] = sigma[k + i] * (one[i] - mu[k + i]);
        }
        open4(one);
        for (i = 0; i < 4; ++i) {
            open[k + i] = one[i];
        }
    }
    for (i = 0; i < n; ++i) {
        const int end = at + (int)count[i];
        float i_sum = 0.0f, g_sum = 0.0f;
        for (; at < end; ++at) {
            i_sum += pull[at] * open[at];
            g_sum += w[at] * open[at];
        }
        current[i] += i_sum;
        conductance[i] += g_sum;
    }
}

/* exponential() of four */
static void exponential4(float z[4])
{
    int i;
    for (i = 0; i < 4; ++i) {
        z[i] = exponential(z[i]);
    }
}

/* semi_implicit() of four */
static void semi_implicit4(float z[4])
{
    int i;
    for (i = 0; i < 4; ++i) {
        z[i] = semi_implicit(z[i]);
    }
}

/* euler() of four: z itself */
static void euler4(float z[4])
{
    (void)z;
}

/* The longest t rate of an LTC, which Euler's step must not exceed */
static float longest_of(const float *conductance, float t, const float *elastance, int n)
{
    float longest = 0.0f;
    int i;
    for (i = 0; i < n; ++i) {
        const float z = t * (conductance[i] * elastance[i]);
        longest = z > longest ? z : longest;
    }
    return longest;
}

/* cm dv/dt = current - conductance v: h moves towards current / conductance, four neurons at a time; all have room for whole fours */
static void settle(const float *h, const float *current, const float *conductance, float t, const float *elastance, weight4_of weight4, int n,
                   float *next)
{
    int i, k;
    for (i = 0; i < n; i += 4) {
        float a[4], q[4], near[4], far[4];
        for (k = 0; k < 4; ++k) {
            a[k] = t * (conductance[i + k] * elastance[i + k]);
        }
        weight4(a);
        for (k = 0; k < 4; ++k) {
            q[k] = current[i + k] / conductance[i + k];
        }
        for (k = 0; k < 4; ++k) {
            near[k] = h[i + k] + a[k] * (q[k] - h[i + k]);
            far[k] = q[k] - (1.0f - a[k]) * (q[k] - h[i + k]);
        }
        for (k = 0; k < 4; ++k) { /* as between() */
            next[i + k] = a[k] < 0.5f ? near[k] : far[k];
        }
    }
}

/* GRUODE: what its first map gave for r becomes r h, and what it gave for z becomes the rate 1 - z = sigmoid(-z) */
static void open_gates(const float *h, int n, float *rz)
{
    int i;
    for (i = 0; i < n; ++i) {
        const float rate = sigmoid_of(-rz[n + i]);
        rz[i] = sigmoid_of(rz[i]) * h[i];
        rz[n + i] = rate < 1e-12f ? 1e-12f : rate;
    }
}

/* The rest of a GRUODE: h moves towards g. Returns the longest t rate. */
static float follow(const float *h, const float *g, float t, const float *rate, weight_of weight, int n, float *next)
{
    float longest = 0.0f;
    int i;
    for (i = 0; i < n; ++i) {
        const float z = t * rate[i];
        longest = z > longest ? z : longest;
        next[i] = between(h[i], g[i], weight(z));
    }
    return longest;
}
