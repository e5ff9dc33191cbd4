/* The steps in whole numbers, one function a kind: an export copies those that it needs. A chunk is a comment and what follows it up
   to an empty line. A value is 16 bits wide, z = number 2^bits; a state has 15 bits more below these; z: what a step reads; y: what
   it makes; t: the gap. Every sum of products fits 32 bits by the choice of its weights, which the comment at the weights proves. */

/* a b / 2^32, rounded down */
static int32_t times32(int32_t a, int32_t b)
{
    return (int32_t)(((int64_t)a * b) >> 32);
}

/* a b / 2^31, which fits where one is below 2^30 */
static int32_t times31(int32_t a, int32_t b)
{
    return (int32_t)(((int64_t)a * b) >> 31);
}

/* a b / 2^30, |b| <= 2^30 */
static int32_t times30(int32_t a, int32_t b)
{
    return (int32_t)(((int64_t)a * b) >> 30);
}

/* a b / 2^15, |b| <= 2^15 */
static int32_t times15(int32_t a, int32_t b)
{
    return (int32_t)(((int64_t)a * b) >> 15);
}

/* a b / 2^by; that it fits is the caller's to know */
static int32_t times(int32_t a, int32_t b, int by)
{
    return (int32_t)(((int64_t)a * b) >> by);
}

/* a within +-limit */
static int32_t within(int32_t a, int32_t limit)
{
    return a > limit ? limit : (a < -limit ? -limit : a);
}

/* a within +-limit */
static int32_t within64(int64_t a, int32_t limit)
{
    return a > limit ? limit : (a < -limit ? -limit : (int32_t)a);
}

/* a in 16 bits, the ends where it is beyond */
static int16_t narrow(int32_t a)
{
    return (int16_t)within(a, 32767);
}

/* a / 2^by, rounded; for by < 0 a 2^-by, within +-(2^30 - 1). -30 <= by <= 31 */
static int32_t point(int32_t a, int by)
{
    if (by > 0) {
        return (a >> by) + ((a >> (by - 1)) & 1);
    }
    return within(a, 1073741823 >> -by) * ((int32_t)1 << -by);
}

/* y = z with its point moved by `by` >= 0 places to the left */
static void shift(const int16_t *z, int n, int by, int16_t *y)
{
    const int32_t half = ((int32_t)1 << by) >> 1;
    int i;
    for (i = 0; i < n; ++i) {
        y[i] = (int16_t)((z[i] + half) >> by); /* half is 0 for by = 0, and for by > 0 half of 2^16 at most comes out */
    }
}

/* The upper 16 bits of states, |h| < 2^30, by >= 15: what the weights read */
static void top(const int32_t *h, int n, int by, int16_t *y)
{
    const int32_t half = ((int32_t)1 << by) >> 1;
    int i;
    for (i = 0; i < n; ++i) {
        const int32_t v = (h[i] + half) >> by;
        y[i] = (int16_t)(v < 32767 ? v : 32767);
    }
}

/* to = from */
static void keep(int32_t *to, const int32_t *from, int n)
{
    int i;
    for (i = 0; i < n; ++i) {
        to[i] = from[i];
    }
}

/* The gap t share / (65536 2^less): t = m / 2^e with m of 16 bits (0 for no gap), 32768 < share <= 65536 */
static gap scaled(gap t, uint32_t share, int less)
{
    const uint32_t product = t.m * share; /* < 2^32, since m < 2^16 */
    const int high = product >= 2147483648u;
    t.m = product >> (high ? 16 : 15);
    t.e = t.m == 0u ? 31 : t.e + less + 1 - high;
    return t;
}

/* dt in 1 / 2^18 of a period as m / 2^e: 2^15 <= m < 2^16, so that a gap of any length has 16 bits */
static gap gap_of(int32_t dt)
{
    gap t;
    uint32_t v = (uint32_t)dt;
    t.m = 0u;
    t.e = 31;
    if (v != 0u) {
        for (t.e = 2; v < 2147483648u; ++t.e) {
            v += v;
        }
        t.m = v >> 16;
    }
    return t;
}

/* t rate in 1 / 2^24, at most 65536; rate has `bits` behind its point. The product has 48 bits. */
static uint64_t spent(gap t, uint32_t rate, int bits)
{
    const uint64_t longest = (uint64_t)1 << 40, product = (uint64_t)t.m * rate;
    const int by = t.e + bits - 24;
    if (by >= 0) {
        return by > 63 ? 0u : (product >> by < longest ? product >> by : longest);
    }
    return by < -40 || product >= longest >> -by ? longest : product << -by;
}

/* How far a leak moves within z = dt rate (in 1 / 2^24): 1 - exp(-z) in 1 / 2^30; absolute error below 3e-6, relative below 2e-4 */
static int32_t exponential(uint64_t z)
{
    uint32_t u;
    int32_t f, p;
    if (z >= 348127232u) { /* 20.75: all but 1e-9 */
        return 1073741824;
    }
    u = (uint32_t)((z * 3098164009u) >> 31); /* z / ln 2 < 30 */
    f = (int32_t)((u & 16777215u) << 7);     /* 2^-u = 2^-whole 2^-f: a polynomial of f, in 1 / 2^31 */
    p = times31(7419135, f) - 57311509;
    p = times31(p, f) + 257211668;
    p = times31(p, f) - 744187942;
    p = times31(p, f) + 1073741824;
    return 1073741824 - (p >> (u >> 24));
}

/* How far a leak moves within z = dt rate (in 1 / 2^24): z / (1 + z) in 1 / 2^30 */
static int32_t semi_implicit(uint64_t z)
{
    return (int32_t)((z << 23) / ((z + 16777216u) >> 7)); /* z <= 2^40 */
}

/* How far a leak moves within z = dt rate (in 1 / 2^24): z, which the caller sees to be at most 1, in 1 / 2^30 */
static int32_t euler(uint64_t z)
{
    return z < 16777216u ? (int32_t)z * 64 : 1073741824;
}

/* The longer one, for Euler's limit */
static uint64_t longer(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* From h towards q by the share a (in 1 / 2^30, at most 1): the result lies between the two, so it fits when they do */
static int32_t towards(int32_t h, int32_t q, int32_t a)
{
    return h + times30(q - h, a); /* |q|, |h| < 2^30 */
}

/* tanh in 1 / 2^15, of a in 1 / 2^15: the nearest of 129 known points, and Taylor's second order from there
   (f' = 1 - f^2, f'' = -2 f f'); absolute error below 6e-5 */
static int32_t tanh_of(int32_t a)
{
    const int32_t any = a < 0 ? -a : a, size = any < 261120 ? any : 261120; /* < 8 */
    const int32_t i = (size + 1024) >> 11, d = size - i * 2048, f = tanh_table[i];
    const int32_t slope = 32768 - ((f * f + 16384) >> 15), step = d - ((((f * d) >> 15) * d) >> 15);
    const int32_t sum = f + ((slope * step + 16384) >> 15), y = sum < 32767 ? sum : 32767; /* |slope step| <= 2^25 */
    return a < 0 ? -y : y;
}

/* 1 / (1 + exp(-a)) in 1 / 2^15, of a in 1 / 2^15; 0 to 32767 */
static int32_t sigmoid_of(int32_t a)
{
    return (32768 + tanh_of(a >> 1)) >> 1;
}

/* log(v / 65536) in 1 / 2^16, v > 0; absolute error below 2e-5 */
static int32_t log_of(uint32_t v)
{
    int32_t k = 15, f, p;
    while (v < 2147483648u) {
        v += v;
        --k;
    }
    f = (int32_t)(v - 2147483648u); /* v = 2^k (1 + f) with f in 1 / 2^31 */
    p = times31(-19691239, f) + 91880107;
    p = times31(p, f) - 208049330;
    p = times31(p, f) + 341073124;
    p = times31(p, f) - 534589300;
    p = times31(p, f) + 1073636216;
    p = times31(p, f); /* log(1 + f) in 1 / 2^30 */
    return k * 45426 + ((p + 8192) >> 14);
}

/* t in 1 / 2^16, at most 32767 */
static uint32_t time_of(gap t)
{
    return t.e > 0 ? (t.e < 17 ? t.m << (16 - t.e) : t.m >> (t.e - 16)) : 2147418112u;
}

/* log(1 + t) in 1 / 2^bits */
static int16_t log_gap(gap t, int bits)
{
    return narrow(point(log_of(65536u + time_of(t)), 16 - bits));
}

/* exp(a) in 1 / 2^30 for a <= 0 in 1 / 2^16 */
static int32_t exp_of(int32_t a)
{
    return 1073741824 - exponential((uint64_t)(uint32_t)(-a) << 8);
}

/* log(1 + exp(a)) in 1 / 2^16, of a in 1 / 2^16 */
static int32_t softplus_of(int32_t a)
{
    const int32_t size = within(a < 0 ? -a : a, 2097152); /* beyond 32 there is nothing to add */
    return (a > 0 ? a : 0) + log_of(65536u + ((uint32_t)exp_of(-size) >> 14));
}

/* y = tanh(a) in 1 / 2^15 */
static void tanh_all(const int32_t *a, int n, int to, int16_t *y)
{
    int i;
    for (i = 0; i < n; ++i) {
        y[i] = narrow(point(tanh_of(a[i]), 15 - to));
    }
}

/* y = 1 / (1 + exp(-a)) */
static void sigmoid_all(const int32_t *a, int n, int to, int16_t *y)
{
    int i;
    for (i = 0; i < n; ++i) {
        y[i] = narrow(point(sigmoid_of(a[i]), 15 - to));
    }
}

/* y = 1.7159 tanh(0.666 a) */
static void lecun_tanh_all(const int32_t *a, int n, int to, int16_t *y)
{
    int i;
    for (i = 0; i < n; ++i) {
        y[i] = narrow(point(56227 * (tanh_of(times30(a[i], 715112055)) >> 1), 29 - to)); /* 1.7159 2^15 */
    }
}

/* y = a */
static void identity_all(const int32_t *a, int n, int to, int16_t *y)
{
    int i;
    for (i = 0; i < n; ++i) {
        y[i] = narrow(point(a[i], 15 - to));
    }
}

/* y = max(a, 0) */
static void relu_all(const int32_t *a, int n, int to, int16_t *y)
{
    int i;
    for (i = 0; i < n; ++i) {
        y[i] = a[i] > 0 ? narrow(point(a[i], 15 - to)) : 0;
    }
}

/* y = a sigmoid(a) */
static void silu_all(const int32_t *a, int n, int to, int16_t *y)
{
    int i;
    for (i = 0; i < n; ++i) {
        y[i] = narrow(point(times15(a[i], sigmoid_of(a[i])), 15 - to));
    }
}

/* y = log(1 + exp(a)) */
static void softplus_all(const int32_t *a, int n, int to, int16_t *y)
{
    int i;
    for (i = 0; i < n; ++i) {
        y[i] = narrow(point(softplus_of(point(a[i], -1)), 16 - to));
    }
}

/* y = a / (1 + |a|) */
static void softsign_all(const int32_t *a, int n, int to, int16_t *y)
{
    int i;
    for (i = 0; i < n; ++i) {
        const int64_t size = a[i] < 0 ? -(int64_t)a[i] : (int64_t)a[i];
        y[i] = narrow(point((int32_t)(((int64_t)a[i] * 32768) / (32768 + size)), 15 - to));
    }
}

/* y = a (1 + tanh(0.79788 (a + 0.044715 a^3))) / 2: within 5e-4 of a Phi(a) */
static void gelu_all(const int32_t *a, int n, int to, int16_t *y)
{
    int i;
    for (i = 0; i < n; ++i) {
        const int32_t v = within(a[i], 196608), cube = times15(times15(v, v), v); /* < 6, < 216 */
        const int32_t share = 32768 + tanh_of(times15(v + times15(cube, 1465), 26145));
        y[i] = narrow(point(times15(a[i], share >> 1), 15 - to));
    }
}

/* x in 16 bits: each in 1 / 2^bits */
static void take(const int32_t *x, int n, int16_t *y)
{
    int i;
    for (i = 0; i < n; ++i) {
        y[i] = narrow(x[i]);
    }
}

/* y = (x - mean) inverse 2^-by; an unknown x, -2^31, gives an unknown y, -2^15 */
static void standardize(const int32_t *x, const int32_t *mean, const int32_t *inverse, const uint8_t *by, int n, int16_t *y)
{
    int i;
    for (i = 0; i < n; ++i) {
        const int64_t away = (((int64_t)x[i] - mean[i]) * inverse[i]) >> by[i]; /* 33 + 16 bits */
        y[i] = x[i] == UNKNOWN ? (int16_t)-32768 : (int16_t)(away > 32767 ? 32767 : (away < -32767 ? -32767 : away));
    }
}

/* y = z w 2^-by + b */
static void affine(const int16_t *z, const int32_t *w, const int32_t *b, int by, int n, int16_t *y)
{
    int i;
    for (i = 0; i < n; ++i) {
        const int64_t sum = (((int64_t)z[i] * w[i]) >> by) + b[i]; /* 48 bits */
        y[i] = (int16_t)(sum > 32767 ? 32767 : (sum < -32767 ? -32767 : sum));
    }
}

/* y = z w 2^-by + b, the answers: |y| < 2^31 by the choice of its bits */
static void answer(const int16_t *z, const int32_t *w, const int32_t *b, int by, int n, int32_t *y)
{
    int i;
    for (i = 0; i < n; ++i) {
        y[i] = times(z[i], w[i], by) + b[i];
    }
}

/* y = z: answers that are 16 bits wide */
static void widen(const int16_t *z, int n, int32_t *y)
{
    int i;
    for (i = 0; i < n; ++i) {
        y[i] = z[i];
    }
}

/* a = W z + b in 1 / 2^15, W (n, m), a scale for each row */
static void rows(const int16_t *z, int m, const weight *W, const int32_t *b, const int32_t *scale, int n, int32_t *a)
{
    int i, j;
    for (i = 0; i < n; ++i) {
        int32_t sum = b[i];
        for (j = 0; j < m; ++j) {
            sum += (int32_t)*W++ * z[j];
        }
        a[i] = times32(sum, scale[i]);
    }
}

/* sin of 2 pi phase / 2^32 in 1 / 2^30: a polynomial of the part of a quarter turn; absolute error below 1e-6 */
static int32_t sine_of(uint32_t phase)
{
    const uint32_t half = phase & 2147483647u;
    const int32_t x = (int32_t)(half < 1073741824u ? half : 2147483648u - half), q = times30(x, x);
    int32_t p = times30(-4652626, q) + 85291978;
    p = times30(p, q) - 693522166;
    p = times30(p, q) + 1686624005;
    p = within(times30(p, x), 1073741823);
    return phase < 2147483648u ? p : -p;
}

/* y = [z, t, cosines, sines] of v / period turns, v: the gap and some columns of z. A turn is 2^32, beyond which products wrap round:
   gaps, columns: 2^32 / period for a gap of 1 and for a column of 1 / 2^bits */
static void waves(const int16_t *z, gap t, int n, int by, const uint64_t *gaps, const uint32_t *turns, int periods, const place *column,
                  int columns, int to, int16_t *y)
{
    int k, p;
    shift(z, n, by, y);
    y[n] = narrow(point((int32_t)time_of(t), 16 - to));
    y += n + 1;
    for (k = 0; k <= columns; ++k) {
        for (p = 0; p < periods; ++p) {
            const uint32_t phase = k == 0 ? (uint32_t)((t.m * gaps[p]) >> t.e) : (uint32_t)(int32_t)z[column[k - 1]] * turns[p];
            y[k * periods + p] = narrow(point(sine_of(phase + 1073741824u), 30 - to));
            y[(1 + columns + k) * periods + p] = narrow(point(sine_of(phase), 30 - to));
        }
    }
}

/* The points of n sums moved by `by` places to the left */
static void points(int32_t *a, int n, int by)
{
    int i;
    for (i = 0; i < n; ++i) {
        a[i] = point(a[i], by);
    }
}

/* A window of an image (channels, height, width) that begins at row, column; zeros where it is outside */
static void window(const int16_t *z, const int *size, const int *kernel, int row, int column, int16_t *seen)
{
    int c, k, l, at = 0;
    for (c = 0; c < size[0]; ++c) {
        for (k = row; k < row + kernel[0]; ++k) {
            for (l = column; l < column + kernel[1]; ++l, ++at) {
                const int inside = k >= 0 && k < size[1] && l >= 0 && l < size[2];
                seen[at] = inside ? z[(c * size[1] + k) * size[2] + l] : (int16_t)0;
            }
        }
    }
}

/* a (filters, made): W window + b at every place; how: channels, height, width, kernel (2), stride (2), padding (2), made (2) */
static void convolve(const int16_t *z, const int *how, const weight *W, const int32_t *b, const int32_t *scale, int filters, int16_t *seen,
                     int32_t *made, int32_t *a)
{
    int f, i, j;
    for (i = 0; i < how[9]; ++i) {
        for (j = 0; j < how[10]; ++j) {
            window(z, how, how + 3, i * how[5] - how[7], j * how[6] - how[8], seen);
            rows(seen, how[0] * how[3] * how[4], W, b, scale, filters, made);
            for (f = 0; f < filters; ++f) {
                a[(f * how[9] + i) * how[10] + j] = made[f];
            }
        }
    }
}

/* y = [last known value, known now, log(1 + time since)] in 1 / 2^bits; h: the values, and the times in 1 / 2^16 */
static void carry(const int16_t *z, gap t, const int32_t *h, int n, int by, int bits, int32_t *next, int16_t *y)
{
    const int32_t one = (int32_t)1 << bits;
    int i;
    for (i = 0; i < n; ++i) {
        const int known = z[i] != -32768;
        const uint32_t since = (uint32_t)h[n + i] + time_of(t); /* < 2^32 */
        next[i] = known ? z[i] : h[i];
        next[n + i] = known ? 0 : (int32_t)(since < 2147418112u ? since : 2147418112u);
        y[i] = narrow(point(next[i], by));
        y[n + i] = narrow(known ? one : 0);
        y[2 * n + i] = narrow(point(log_of(65536u + (uint32_t)next[n + i]), 16 - bits));
    }
}

/* The mean of the samples so far; h: their number, and the mean in 1 / 2^14 of a unit of z */
static void pool_mean(const int16_t *z, const int32_t *h, int n, int32_t *next, int16_t *y)
{
    int i;
    next[0] = h[0] < 2147483647 ? h[0] + 1 : h[0];
    for (i = 0; i < n; ++i) {
        next[1 + i] = h[1 + i] + (z[i] * (int32_t)16384 - h[1 + i]) / next[0]; /* both below 2^29 */
        y[i] = narrow(point(next[1 + i], 14));
    }
}

/* a - most, both in 1 / 2^15, in 1 / 2^16; what is far below stays at -64, whose exp is none */
static int32_t below(int32_t a, int32_t most)
{
    return a > most - 2097152 ? (a - most) * 2 : -4194304;
}

/* The mean with weights exp(score); h: the largest score in 1 / 2^15, the sum of weights in 1 / 2^16, which stays at 2^30, the mean in
   1 / 2^14 of a unit of z */
static void pool_attention(const int16_t *z, int32_t score, const int32_t *h, int n, int32_t *next, int16_t *y)
{
    const int32_t mine = within(score, 1073741823), most = mine > h[0] ? mine : h[0];
    const int32_t kept = times30(h[1], exp_of(below(h[0], most))), fresh = exp_of(below(mine, most)) >> 14;
    int32_t share;
    int i;
    next[0] = most;
    next[1] = within(kept + fresh, 1073741823);
    share = next[1] > 0 ? (int32_t)((int64_t)fresh * 1073741824 / next[1]) : 1073741824;
    for (i = 0; i < n; ++i) {
        next[2 + i] = towards(h[2 + i], z[i] * (int32_t)16384, share < 1073741824 ? share : 1073741824);
        y[i] = narrow(point(next[2 + i], 14));
    }
}

/* The greatest of each number so far */
static void pool_max(const int16_t *z, const int32_t *h, int n, int32_t *next, int16_t *y)
{
    int i;
    for (i = 0; i < n; ++i) {
        next[i] = z[i] > h[i] ? z[i] : h[i];
        y[i] = (int16_t)next[i];
    }
}

/* Some of the numbers */
static void pick(const int16_t *z, const place *which, int n, int16_t *y)
{
    int i;
    for (i = 0; i < n; ++i) {
        y[i] = z[which[i]];
    }
}

/* The sum of `count` vectors of n numbers, divided by `parts` */
static void add(const int16_t *z, int count, int n, int32_t parts, int by, int16_t *y)
{
    int i, k;
    for (i = 0; i < n; ++i) {
        int32_t sum = 0;
        for (k = 0; k < count; ++k) {
            sum += z[k * n + i]; /* at most 65535 vectors */
        }
        y[i] = narrow(point(sum / parts, by));
    }
}

/* Rising levels: softplus(z) are the distances from the middle one */
static void quantiles(const int16_t *z, int bits, int levels, int columns, int middle, int to, int16_t *y)
{
    int c, k;
    for (c = 0; c < columns; ++c) {
        const int32_t free = point(z[middle * columns + c], bits - 16);
        int32_t v = free;
        y[middle * columns + c] = narrow(point(v, 16 - to));
        for (k = middle + 1; k < levels; ++k) {
            v = within(v + softplus_of(point(z[k * columns + c], bits - 16)), 1073741823);
            y[k * columns + c] = narrow(point(v, 16 - to));
        }
        v = free;
        for (k = middle - 1; k >= 0; --k) {
            v = within(v - softplus_of(point(z[k * columns + c], bits - 16)), 1073741823);
            y[k * columns + c] = narrow(point(v, 16 - to));
        }
    }
}

/* softplus(z) + least, from the number `first` on; least in 1 / 2^16 */
static void positive(const int16_t *z, int bits, const int32_t *least, int first, int n, int to, int16_t *y)
{
    int i;
    for (i = 0; i < n; ++i) {
        const int32_t v = point(z[i], bits - 16);
        y[i] = narrow(point(i < first ? v : softplus_of(v) + least[i - first], 16 - to));
    }
}

/* z - log sum exp z */
static void log_softmax(const int16_t *z, int bits, int n, int to, int16_t *y)
{
    int32_t most = z[0], rest;
    uint32_t sum = 0u;
    int i;
    for (i = 1; i < n; ++i) {
        most = z[i] > most ? z[i] : most;
    }
    for (i = 0; i < n; ++i) {
        sum += (uint32_t)exp_of(point(z[i] - most, bits - 16)) >> 14; /* at most 65536 each, at most 32767 of them */
    }
    rest = log_of(sum);
    for (i = 0; i < n; ++i) {
        y[i] = narrow(point(within(point(z[i] - most, bits - 16), 1073741823) - rest, 16 - to));
    }
}

/* The mean of probabilities that are given by their logarithms; log_count: log(count) in 1 / 2^16 */
static void log_mean(const int16_t *z, int bits, int count, int32_t log_count, int n, int to, int16_t *y)
{
    int i, k;
    for (i = 0; i < n; ++i) {
        int32_t most = z[i];
        uint32_t sum = 0u;
        for (k = 1; k < count; ++k) {
            most = z[k * n + i] > most ? z[k * n + i] : most;
        }
        for (k = 0; k < count; ++k) {
            sum += (uint32_t)exp_of(point(z[k * n + i] - most, bits - 16)) >> 14; /* at most 65536 each */
        }
        y[i] = narrow(point(within(point(most, bits - 16), 1073741823) + log_of(sum) - log_count, 16 - to));
    }
}

/* The root of v, rounded down, bit by bit */
static int32_t root_of(uint64_t v)
{
    uint64_t rest = v, root = 0u, bit = (uint64_t)1 << 34; /* v < 2^36 */
    for (; bit != 0u; bit >>= 2) {
        if (rest >= root + bit) {
            rest -= root + bit;
            root = (root >> 1) + bit;
        } else {
            root >>= 1;
        }
    }
    return (int32_t)root;
}

/* The mixture of normals: means, then deviations, the root of the mean of spread^2 + away^2 */
static void normal_mean(const int16_t *z, int count, int n, int columns, int by, int16_t *y)
{
    int i, k;
    for (i = 0; i < columns; ++i) {
        int32_t mean = 0;
        uint64_t sum = 0u; /* at most count 2^34 */
        for (k = 0; k < count; ++k) {
            mean += z[k * n + i];
        }
        mean /= count;
        for (k = 0; k < count; ++k) {
            const int64_t away = z[k * n + i] - mean, spread = z[k * n + columns + i];
            sum += (uint64_t)(away * away + spread * spread);
        }
        y[i] = narrow(point(mean, by));
        y[columns + i] = narrow(point(root_of(sum / (uint64_t)count), by));
    }
}

/* low + width sigmoid(z), the answers */
static void squash(const int16_t *z, int bits, const int32_t *low, const int32_t *width, int n, int32_t *y)
{
    int i;
    for (i = 0; i < n; ++i) {
        y[i] = low[i] + times15(width[i], sigmoid_of(point(z[i], bits - 15)));
    }
}

/* Row number x of a table; a number that is none is refused before */
static void lookup(const int16_t *table, int32_t x, int n, int16_t *y)
{
    int i;
    for (i = 0; i < n; ++i) {
        y[i] = table[x * n + i];
    }
}

/* One neuron of a CfC from the sums of its four maps:  h' = f1 (1 - s) + f2 s,  s = sigmoid(time_a t + time_b), in 1 / 2^30;
   without a gate h' = f1 + f2 s, in 1 / 2^29.  time_a comes in 1 / 2^bits, the others in 1 / 2^15.
   |f1|, |f2|, s <= 32767, so |s (f2 - f1)| < 2^31 */
static int32_t cfc_neuron(const int32_t *sum, const int32_t *scale, int bits, gap t, int gated)
{
    const int32_t f1 = tanh_of(times32(sum[0], scale[0])), f2 = tanh_of(times32(sum[1], scale[1]));
    const int64_t slope = (int64_t)times32(sum[2], scale[2]) * (int32_t)t.m; /* 47 bits */
    const int32_t s = sigmoid_of(within64((slope >> (t.e + bits - 15)) + times32(sum[3], scale[3]), 1073741823));
    return gated ? f1 * 32768 + s * (f2 - f1) : f1 * 16384 + ((s * f2) >> 1);
}

/* CfC at z = backbone([x, h]); W (n, m, 4): the weights of ff1, ff2, time_a and time_b side by side */
static void cfc(const int16_t *z, int m, gap t, const weight *W, const int32_t *b, const int32_t *scale, int bits, int gated, int n,
                int32_t *next)
{
    int i, j;
    for (i = 0; i < n; ++i, b += 4, scale += 4) {
        int32_t sum[4];
        keep(sum, b, 4);
        for (j = 0; j < m; ++j, W += 4) {
            const int32_t one = z[j];
            sum[0] += W[0] * one;
            sum[1] += W[1] * one;
            sum[2] += W[2] * one;
            sum[3] += W[3] * one;
        }
        next[i] = cfc_neuron(sum, scale, bits, t, gated);
    }
}

/* The same where only some synapses exist: `count` of each neuron, each synapse with its source and four weights */
static void wired_cfc(const int16_t *z, gap t, const weight *W, const place *source, const place *count, const int32_t *b,
                      const int32_t *scale, int bits, int gated, int n, int32_t *next)
{
    int i;
    for (i = 0; i < n; ++i, b += 4, scale += 4) {
        const place *const end = source + count[i];
        int32_t s0 = b[0], s1 = b[1], s2 = b[2], s3 = b[3], sum[4];
        for (; source != end; ++source, W += 4) {
            const int32_t one = z[*source];
            s0 += W[0] * one;
            s1 += W[1] * one;
            s2 += W[2] * one;
            s3 += W[3] * one;
        }
        sum[0] = s0;
        sum[1] = s1;
        sum[2] = s2;
        sum[3] = s3;
        next[i] = cfc_neuron(sum, scale, bits, t, gated);
    }
}

/* The closed form itself: h' = A - A exp(-t (|w_tau| + |f|)) f;  f is what ff1 gave */
static void pure_cfc(const int32_t *f, gap t, const int32_t *w_tau, const int32_t *A, int by, int n, int32_t *next)
{
    int i;
    for (i = 0; i < n; ++i) {
        const uint32_t rate = (uint32_t)w_tau[i] + (uint32_t)(f[i] < 0 ? -f[i] : f[i]);
        const int32_t left = 1073741824 - exponential(spent(t, rate, 15)), share = 32768 - times30(f[i], left);
        next[i] = times(A[i], share, by); /* A (1 - left f) */
    }
}

/* The rest of a CTRNN: h moves towards f tau. Returns the longest t / tau. */
static uint64_t leak(const int32_t *h, const int16_t *f, gap t, const uint32_t *rate, int bits, const int32_t *tau, share_of share, int n,
                     int32_t *next)
{
    uint64_t longest = 0u;
    int i;
    for (i = 0; i < n; ++i) {
        const uint64_t z = spent(t, rate[i], bits);
        longest = z > longest ? z : longest;
        next[i] = towards(h[i], within(f[i] * tau[i], 1073741823), share(z)); /* tau < 2^15 */
    }
    return longest;
}

/* The rest of a GatedLTC: h moves towards f A / (rate + f). Returns the longest t (rate + f). */
static uint64_t gated_leak(const int32_t *h, const int16_t *f, gap t, const int32_t *rate, int bits, const int32_t *A, share_of share,
                           int n, int32_t *next)
{
    uint64_t longest = 0u;
    int i;
    for (i = 0; i < n; ++i) {
        const int32_t all = rate[i] + f[i], part = f[i] * (int32_t)32768 / all; /* f < 2^15, rate > 0 */
        const uint64_t z = spent(t, (uint32_t)all, bits);
        longest = z > longest ? z : longest;
        next[i] = towards(h[i], within(part * A[i], 1073741823), share(z)); /* part, |A| <= 2^15 */
    }
    return longest;
}

/* What the synapses give at v, added to current and conductance (in units of their neuron):  open = sigmoid(slope (v - mu)).
   `count` synapses of each neuron.  |slope| <= 2^14 and |v - mu| < 2^16, so the product has 31 bits, `by` more than 15 behind the point */
static void hear(const int16_t *v, const place *count, const place *source, const int16_t *slope, const int16_t *mu, const weight *pull,
                 const weight *w, int by, int n, int32_t *current, int32_t *conductance)
{
    int i, k, at = 0;
    for (i = 0; i < n; ++i) {
        const int end = at + (int)count[i];
        int32_t i_sum = current[i], g_sum = conductance[i];
        for (k = at; k < end; ++k) {
            const int32_t open = sigmoid_of((slope[k] * ((int32_t)v[source[k]] - mu[k])) >> by);
            i_sum += pull[k] * open;
            g_sum += w[k] * open;
        }
        current[i] = i_sum;
        conductance[i] = g_sum;
        at = end;
    }
}

/* current / conductance in 1 / 2^bits: both are halved until the conductance has 17 bits, and the quotient, at most 2^(14 - bits) by
   its hull, has 14 */
static int32_t quotient(int32_t current, int32_t conductance, int bits)
{
    while (conductance > 1048575) {
        conductance >>= 4;
        current >>= 4;
    }
    while (conductance > 65535) {
        conductance >>= 1;
        current >>= 1;
    }
    conductance = conductance > 0 ? conductance : 1;
    return within(within(current, 1073741823 >> bits) * ((int32_t)1 << bits) / conductance, 16383);
}

/* cm dv/dt = current - conductance v: h moves towards current / conductance. Returns the longest t rate. */
static uint64_t settle(const int32_t *h, const int32_t *current, const int32_t *conductance, gap t, const int32_t *elastance, int bits,
                       int hull, share_of share, int n, int32_t *next)
{
    uint64_t longest = 0u;
    int i;
    for (i = 0; i < n; ++i) {
        const int32_t rate = times32(conductance[i], elastance[i]);
        const uint64_t z = spent(t, rate > 0 ? (uint32_t)rate : 0u, bits);
        longest = z > longest ? z : longest;
        next[i] = towards(h[i], quotient(current[i], conductance[i], hull) * 65536, share(z));
    }
    return longest;
}

/* GRUODE: what its first map gave for r becomes r h (in 1 / 2^to), and what it gave for z becomes the rate 1 - z = sigmoid(-z) */
static void open_gates(const int32_t *h, const int32_t *rz, int n, int to, int16_t *reset, uint16_t *rate)
{
    int i;
    for (i = 0; i < n; ++i) {
        reset[i] = narrow(point(times15(h[i], sigmoid_of(rz[i])), 30 - to));
        rate[i] = (uint16_t)(32768 - sigmoid_of(rz[n + i]));
    }
}

/* The rest of a GRUODE: h moves towards tanh(g). Returns the longest t rate. */
static uint64_t follow(const int32_t *h, const int32_t *g, gap t, const uint16_t *rate, share_of share, int n, int32_t *next)
{
    uint64_t longest = 0u;
    int i;
    for (i = 0; i < n; ++i) {
        const uint64_t z = spent(t, rate[i], 15);
        longest = z > longest ? z : longest;
        next[i] = towards(h[i], tanh_of(g[i]) * 32768, share(z));
    }
    return longest;
}

/* The rest of a GRU: rz of r and z, u and w of g from the input and the state:  h' = (1 - z) g + z h,  g = tanh(u + r w) */
static void gru(const int32_t *rz, const int32_t *u, const int32_t *w, const int32_t *h, int n, int32_t *next)
{
    int i;
    for (i = 0; i < n; ++i) {
        const int32_t sum = within(u[i], 1073741823) + within(times15(w[i], sigmoid_of(rz[i])), 1073741823);
        next[i] = towards(tanh_of(sum) * 32768, h[i], sigmoid_of(rz[n + i]) * 32768);
    }
}

/* The rest of an RNN: h' = tanh(a) */
static void rnn(const int32_t *a, int n, int32_t *next)
{
    int i;
    for (i = 0; i < n; ++i) {
        next[i] = tanh_of(a[i]) * 32768;
    }
}

/* The rest of an LSTM: i, f, g, o of a;  c' = f c + i g (in 1 / 2^point_c, at its ends where it is beyond),  h' = o tanh(c') */
static void lstm(const int32_t *a, const int32_t *h, int point_c, int n, int32_t *next)
{
    int i;
    for (i = 0; i < n; ++i) {
        const int32_t enter = sigmoid_of(a[i]) * tanh_of(a[2 * n + i]); /* in 1 / 2^30 */
        const int32_t cell = times15(h[n + i], sigmoid_of(a[n + i])) + point(enter, 30 - point_c);
        next[n + i] = within(cell, 1073741823);
        next[i] = sigmoid_of(a[3 * n + i]) * tanh_of(point(next[n + i], point_c - 15));
    }
}

/* y = h exp(-t rate): what is left of a state after the gap */
static void decay(const int32_t *h, gap t, const uint32_t *rate, int bits, int n, int32_t *y)
{
    int i;
    for (i = 0; i < n; ++i) {
        y[i] = times30(h[i], 1073741824 - exponential(spent(t, rate[i], bits)));
    }
}
