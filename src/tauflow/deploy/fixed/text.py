"""The files of an export in whole numbers, as text with gaps."""

HEADER = """/* {name}: a liquid network, made by tauflow. C99 in whole numbers: weights of {bits} bits, no floating point, no malloc,
   no globals that change; the caller owns the state. The same numbers, to the bit, on every processor.

   {name}_state s;
   {name}_reset(&s{and_given});
   status = {name}_step(&s, x, dt, y);

   x: {inputs} readings, each times 2^b with b = {x_bits}{missing};
   dt: the time since the previous sample times 2^{dt_bits}, rounded, but a gap > 0 at least 1;
   y: {outputs} answers, each times 2^b with b = {y_bits}.{given_about}
   {name}_float.h has the same for floats. Readings beyond what was seen in calibration are held at their largest size.
   As many states side by side as you like. What is refused leaves the state and y as they were, and says why:

   {NAME}_OK         the state has moved
   {NAME}_BAD_INPUT  x {unknown}{token}
   {NAME}_BAD_GAP    dt is negative
   {NAME}_LONG_STEP  dt is too long for Euler's step, which this network was built with */
#ifndef {NAME}_H
#define {NAME}_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {{
#endif

#define {NAME}_UNKNOWN (-2147483647 - 1) /* of x: not measured */

enum {{ {NAME}_INPUTS = {inputs}, {NAME}_OUTPUTS = {outputs}, {NAME}_STATE = {remembered}{static_size} }};
enum {{ {NAME}_OK, {NAME}_BAD_INPUT, {NAME}_BAD_GAP, {NAME}_LONG_STEP }};

typedef struct {{
    int32_t h[{state}];{static_member}
}} {name}_state;

void {name}_reset({name}_state *s{given_parameter});
int {name}_step({name}_state *s, const int32_t *x, int32_t dt, int32_t *y);

#ifdef __cplusplus
}}
#endif

#endif
"""

SOURCE = """/* {name}.c: see {name}.h. Made by tauflow; the weights first, then the functions, then the step.
   Shifts of negative numbers are arithmetic, which every compiler for these processors does and the next line asks. */
#include "{name}.h"

typedef char arithmetic_shifts[((int32_t)-1 >> 1) == -1 ? 1 : -1];

/* A gap of m / 2^e: 2^15 <= m < 2^16, or m = 0 */
typedef struct {{
    uint32_t m;
    int e;
}} gap;

{typedefs}
{tanh}{tables}
static const int32_t first[{state}] = {{{first}}};

{functions}

void {name}_reset({name}_state *s{given_parameter})
{{
    keep(s->h, first, {state});{keep_given}
}}

int {name}_step({name}_state *s, const int32_t *x, int32_t dt, int32_t *y)
{{
    int32_t next[{state}], made[{outputs}]; /* become the state and the answer when all went well */
    const gap t = {gap};{euler}
    int i;
    if (dt < 0) {{
        return {NAME}_BAD_GAP;
    }}{refuse_unknown}{unused}
{body}{too_long}
    keep(s->h, next, {state});
    for (i = 0; i < {outputs}; ++i) {{
        y[i] = made[i];
    }}
    return {NAME}_OK;
}}
"""

FLOAT = """/* {name}_float.h: {name} for floats; for a processor that has them, or a test. Numbers are rounded to the units of {name}.h. */
#ifndef {NAME}_FLOAT_H
#define {NAME}_FLOAT_H

#include "{name}.h"

/* v 2^b in whole numbers, halves away from zero */
static inline int32_t {name}_units(float v)
{{
    const float held = v > 2147483000.0f ? 2147483000.0f : (v < -2147483000.0f ? -2147483000.0f : v);
    return (int32_t)(held < 0.0f ? held - 0.5f : held + 0.5f);
}}

static inline void {name}_reset_float({name}_state *s{float_given})
{{{take_given}
    {name}_reset(s{and_units});
}}

/* As {name}_step. {nan}; a dt that is negative, NaN or infinite is {NAME}_BAD_GAP; a gap > 0 lasts at least one unit. */
static inline int {name}_step_float({name}_state *s, const float *x, float dt, float *y)
{{
    static const float to[{inputs}] = {{{x_factors}}};
    static const float from[{outputs}] = {{{y_factors}}};
    const float gap = dt * {dt_factor};
    int32_t units[{inputs}], made[{outputs}], whole = 0;
    int i, status;
    if (!(dt >= 0.0f && dt <= 3.40282347e+38f)) {{
        return {NAME}_BAD_GAP;
    }}
    for (i = 0; i < {inputs}; ++i) {{
        if (x[i] > 1e30f || x[i] < -1e30f{no_nan}) {{
            return {NAME}_BAD_INPUT;
        }}
        units[i] = x[i] != x[i] ? {NAME}_UNKNOWN : {name}_units(x[i] * to[i]);
    }}
    if (dt > 0.0f) {{
        whole = gap < 1.0f ? 1 : {name}_units(gap);
    }}
    status = {name}_step(s, units, whole, made);
    if (status == {NAME}_OK) {{
        for (i = 0; i < {outputs}; ++i) {{
            y[i] = (float)made[i] * from[i];
        }}
    }}
    return status;
}}

#endif
"""
