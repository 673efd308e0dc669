// Reordered Adam on the sphere, float64, in AVX-512 by hand: the yardstick of the lab's compiled loop.
//
// Gradient, step and stopping test in one pass over theta, m and v: four vectors of eight at a time, each with a sum of
// its own for the squared length of the step, so that no addition waits for the one before it.

#include <immintrin.h>
#include <math.h>
#include <stdint.h>

enum { WIDTH = 8, UNROLLED = 4 };

typedef struct {
    double lr, beta1, beta2, eps, tol;
} settings;

// What a run keeps between two calls.
typedef struct {
    int64_t t;
    double beta1_t, beta2_t;
} progress;

typedef struct {
    __m512d lr_t, beta1, one_minus_beta1, beta2, one_minus_beta2, eps;
} coefficients;

static inline __m512d update(const coefficients *c, __m512d *theta, __m512d *m, __m512d *v) {
    __m512d g = _mm512_add_pd(*theta, *theta);
    *m = _mm512_fmadd_pd(c->beta1, *m, _mm512_mul_pd(c->one_minus_beta1, g));
    *v = _mm512_fmadd_pd(c->beta2, *v, _mm512_mul_pd(c->one_minus_beta2, _mm512_mul_pd(g, g)));
    __m512d root = _mm512_add_pd(_mm512_sqrt_pd(*v), c->eps);
    __m512d step = _mm512_div_pd(_mm512_mul_pd(c->lr_t, *m), root);
    *theta = _mm512_sub_pd(*theta, step);
    return step;
}

static double sweep(const coefficients *c, double *theta, double *m, double *v, int64_t dim) {
    __m512d sums[UNROLLED];
    for (int k = 0; k < UNROLLED; k++) sums[k] = _mm512_setzero_pd();
    int64_t i = 0;
    for (; i + UNROLLED * WIDTH <= dim; i += UNROLLED * WIDTH) {
#pragma GCC unroll 4
        for (int k = 0; k < UNROLLED; k++) {
            int64_t at = i + k * WIDTH;
            __m512d x = _mm512_loadu_pd(theta + at), a = _mm512_loadu_pd(m + at), b = _mm512_loadu_pd(v + at);
            __m512d step = update(c, &x, &a, &b);
            sums[k] = _mm512_fmadd_pd(step, step, sums[k]);
            _mm512_storeu_pd(theta + at, x);
            _mm512_storeu_pd(m + at, a);
            _mm512_storeu_pd(v + at, b);
        }
    }
    for (; i < dim; i += WIDTH) {
        int64_t left = dim - i;
        __mmask8 here = left >= WIDTH ? 0xff : (__mmask8)((1u << left) - 1);
        __m512d x = _mm512_maskz_loadu_pd(here, theta + i), a = _mm512_maskz_loadu_pd(here, m + i);
        __m512d b = _mm512_maskz_loadu_pd(here, v + i);
        __m512d step = update(c, &x, &a, &b);
        sums[0] = _mm512_mask3_fmadd_pd(step, step, sums[0], here);
        _mm512_mask_storeu_pd(theta + i, here, x);
        _mm512_mask_storeu_pd(m + i, here, a);
        _mm512_mask_storeu_pd(v + i, here, b);
    }
    return _mm512_reduce_add_pd(_mm512_add_pd(_mm512_add_pd(sums[0], sums[1]), _mm512_add_pd(sums[2], sums[3])));
}

// Take steps until number `until`, or until one is shorter than the tolerance or not finite.
void advance(const settings *s, progress *p, double *theta, double *m, double *v, int64_t dim, int64_t until) {
    while (p->t < until) {
        p->t++;
        p->beta1_t *= s->beta1;
        p->beta2_t *= s->beta2;
        coefficients c = {
            .lr_t = _mm512_set1_pd(s->lr * sqrt(1 - p->beta2_t) / (1 - p->beta1_t)),
            .beta1 = _mm512_set1_pd(s->beta1),
            .one_minus_beta1 = _mm512_set1_pd(1 - s->beta1),
            .beta2 = _mm512_set1_pd(s->beta2),
            .one_minus_beta2 = _mm512_set1_pd(1 - s->beta2),
            .eps = _mm512_set1_pd(s->eps),
        };
        double step_sq = sweep(&c, theta, m, v, dim);
        if (!(step_sq >= s->tol * s->tol && step_sq < INFINITY)) break;
    }
}
