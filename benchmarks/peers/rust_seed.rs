// The seed's three forms of Adam, written anew, and a fourth that answers its open question.
//
// The gradient function takes a slice and returns a fresh vector. `printed` builds m, v, m-hat and v-hat as new
// vectors, with `1 - beta.powi(t)` inside the two closures that correct the bias; `lazy` leaves m-hat and v-hat
// iterators that the mapping to theta consumes; `lazy_hoisted` computes the two corrections once a step instead;
// `reordered` moves both corrections into the step size.
//
// Protocol: a line "<form> <dim> <x0> <lr> <beta1> <beta2> <eps> <tol> <n_steps> <repetitions>" on standard input is
// answered by a line "<nanoseconds for all repetitions> <steps taken> <theta[0]>".

use std::hint::black_box;
use std::io::{self, BufRead, Write};
use std::time::Instant;

#[derive(Clone, Copy)]
struct Settings {
    lr: f64,
    beta1: f64,
    beta2: f64,
    eps: f64,
    tol: f64,
}

fn gradient(theta: &[f64]) -> Vec<f64> {
    theta.iter().map(|x| 2.0 * x).collect()
}

fn first_moment(s: &Settings, m: &[f64], g: &[f64]) -> Vec<f64> {
    m.iter().zip(g).map(|(m, g)| s.beta1 * m + (1.0 - s.beta1) * g).collect()
}

fn second_moment(s: &Settings, v: &[f64], g: &[f64]) -> Vec<f64> {
    v.iter().zip(g).map(|(v, g)| s.beta2 * v + (1.0 - s.beta2) * g * g).collect()
}

fn converged(s: &Settings, theta: &[f64], before: &[f64]) -> bool {
    let squared: f64 = theta.iter().zip(before).map(|(a, b)| (a - b).powi(2)).sum();
    squared < s.tol.powi(2)
}

fn printed(s: &Settings, theta: &mut Vec<f64>, n_steps: i32) -> i32 {
    let (mut m, mut v) = (vec![0.0; theta.len()], vec![0.0; theta.len()]);
    for t in 1..=n_steps {
        let g = gradient(theta);
        m = first_moment(s, &m, &g);
        v = second_moment(s, &v, &g);
        let m_hat: Vec<f64> = m.iter().map(|m| m / (1.0 - s.beta1.powi(t))).collect();
        let v_hat: Vec<f64> = v.iter().map(|v| v / (1.0 - s.beta2.powi(t))).collect();
        let before = theta.clone();
        *theta = theta
            .iter()
            .zip(m_hat.iter().zip(&v_hat))
            .map(|(x, (m, v))| x - s.lr * m / (v.sqrt() + s.eps))
            .collect();
        if converged(s, theta, &before) {
            return t;
        }
    }
    n_steps
}

fn lazy(s: &Settings, theta: &mut Vec<f64>, n_steps: i32) -> i32 {
    let (mut m, mut v) = (vec![0.0; theta.len()], vec![0.0; theta.len()]);
    for t in 1..=n_steps {
        let g = gradient(theta);
        m = first_moment(s, &m, &g);
        v = second_moment(s, &v, &g);
        let m_hat = m.iter().map(|m| m / (1.0 - s.beta1.powi(t)));
        let v_hat = v.iter().map(|v| v / (1.0 - s.beta2.powi(t)));
        let before = theta.clone();
        *theta = theta
            .iter()
            .zip(m_hat.zip(v_hat))
            .map(|(x, (m, v))| x - s.lr * m / (v.sqrt() + s.eps))
            .collect();
        if converged(s, theta, &before) {
            return t;
        }
    }
    n_steps
}

fn lazy_hoisted(s: &Settings, theta: &mut Vec<f64>, n_steps: i32) -> i32 {
    let (mut m, mut v) = (vec![0.0; theta.len()], vec![0.0; theta.len()]);
    for t in 1..=n_steps {
        let g = gradient(theta);
        m = first_moment(s, &m, &g);
        v = second_moment(s, &v, &g);
        let (correction1, correction2) = (1.0 - s.beta1.powi(t), 1.0 - s.beta2.powi(t));
        let m_hat = m.iter().map(|m| m / correction1);
        let v_hat = v.iter().map(|v| v / correction2);
        let before = theta.clone();
        *theta = theta
            .iter()
            .zip(m_hat.zip(v_hat))
            .map(|(x, (m, v))| x - s.lr * m / (v.sqrt() + s.eps))
            .collect();
        if converged(s, theta, &before) {
            return t;
        }
    }
    n_steps
}

fn reordered(s: &Settings, theta: &mut Vec<f64>, n_steps: i32) -> i32 {
    let (mut m, mut v) = (vec![0.0; theta.len()], vec![0.0; theta.len()]);
    for t in 1..=n_steps {
        let g = gradient(theta);
        m = first_moment(s, &m, &g);
        v = second_moment(s, &v, &g);
        let lr_t = s.lr * (1.0 - s.beta2.powi(t)).sqrt() / (1.0 - s.beta1.powi(t));
        let before = theta.clone();
        *theta = theta
            .iter()
            .zip(m.iter().zip(&v))
            .map(|(x, (m, v))| x - lr_t * m / (v.sqrt() + s.eps))
            .collect();
        if converged(s, theta, &before) {
            return t;
        }
    }
    n_steps
}

fn answer(request: &str) -> Option<String> {
    let words: Vec<&str> = request.split_whitespace().collect();
    let form = match *words.first()? {
        "printed" => printed,
        "lazy" => lazy,
        "lazy-hoisted" => lazy_hoisted,
        "reordered" => reordered,
        _ => return None,
    };
    let number = |k: usize| words.get(k)?.parse::<f64>().ok();
    let (dim, x0) = (number(1)? as usize, number(2)?);
    let s = Settings { lr: number(3)?, beta1: number(4)?, beta2: number(5)?, eps: number(6)?, tol: number(7)? };
    let (n_steps, repetitions) = (number(8)? as i32, number(9)? as u64);
    let (mut steps, mut last) = (0, f64::NAN);
    let begun = Instant::now();
    for _ in 0..repetitions {
        let mut theta = black_box(vec![x0; dim]);
        steps = form(black_box(&s), &mut theta, n_steps);
        last = black_box(&theta)[0];
    }
    Some(format!("{} {} {:e}", begun.elapsed().as_nanos(), steps, last))
}

fn main() {
    for line in io::stdin().lock().lines() {
        let reply = answer(&line.expect("standard input")).unwrap_or_else(|| "not understood".into());
        println!("{reply}");
        io::stdout().flush().expect("standard output");
    }
}
