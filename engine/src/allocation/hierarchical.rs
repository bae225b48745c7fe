//! Hierarchical risk parity. Source: Lopez de Prado (2016), "Building diversified portfolios that outperform out of
//! sample": correlations become distances, the nearest clusters are joined (single linkage on the distances between the
//! columns of the distance matrix, as in the paper), the tree puts similar strategies side by side, and that order is cut
//! in halves again and again, each half weighted by the inverse of its variance. No matrix is inverted.

use super::Found;
use super::matrix::{Matrix, Statistics, dot};

pub(super) fn weights(s: &Statistics) -> Found {
    let order = quasi_diagonal(&s.correlation());
    let mut weights = vec![1.0; s.len()];
    let mut cuts = vec![Vec::new(); s.len()];
    bisect(s, &order, &mut weights, &mut cuts);
    let why = |i: usize| format!("volatility {:.2}; {}", s.volatility(i), cuts[i].join(", "));
    Ok((0..s.len()).map(|i| (weights[i], why(i))).collect())
}

/// The leaves of the tree from left to right.
fn quasi_diagonal(correlation: &Matrix) -> Vec<usize> {
    let n = correlation.len();
    let distance = Matrix::new(n, |i, j| (0.5 * (1.0 - correlation.at(i, j))).max(0.0).sqrt());
    let apart = Matrix::new(n, |i, j| {
        let squares = (0..n).map(|k| (distance.at(k, i) - distance.at(k, j)).powi(2));
        squares.sum::<f64>().sqrt()
    });
    // Clusters in the order in which they came to be; a joined one goes to the end, its parts leave.
    let mut clusters: Vec<Vec<usize>> = (0..n).map(|i| vec![i]).collect();
    while clusters.len() > 1 {
        let (mut nearest, mut pair) = (f64::INFINITY, (0, 1));
        for a in 0..clusters.len() {
            for b in a + 1..clusters.len() {
                let gap = single_link(&apart, &clusters[a], &clusters[b]);
                if gap < nearest {
                    (nearest, pair) = (gap, (a, b));
                }
            }
        }
        let right = clusters.remove(pair.1);
        let mut left = clusters.remove(pair.0);
        left.extend(right);
        clusters.push(left);
    }
    clusters.pop().unwrap_or_default()
}

fn single_link(apart: &Matrix, a: &[usize], b: &[usize]) -> f64 {
    a.iter().flat_map(|&i| b.iter().map(move |&j| apart.at(i, j))).fold(f64::INFINITY, f64::min)
}

fn bisect(s: &Statistics, order: &[usize], weights: &mut [f64], cuts: &mut [Vec<String>]) {
    if order.len() < 2 {
        return;
    }
    let (left, right) = order.split_at(order.len() / 2);
    let (of_left, of_right) = (cluster_variance(s, left), cluster_variance(s, right));
    let to_left = 1.0 - of_left / (of_left + of_right);
    for (half, other, part) in [(left, right, to_left), (right, left, 1.0 - to_left)] {
        for &i in half {
            weights[i] *= part;
            cuts[i].push(format!("{:.2} % against {}", 100.0 * part, names(s, other)));
        }
        bisect(s, half, weights, cuts);
    }
}

/// Variance of a cluster whose members are weighted by the inverse of their own.
fn cluster_variance(s: &Statistics, members: &[usize]) -> f64 {
    let inverse: Vec<f64> = members.iter().map(|&i| 1.0 / s.covariance.at(i, i)).collect();
    let sum: f64 = inverse.iter().sum();
    let weights: Vec<f64> = inverse.iter().map(|weight| weight / sum).collect();
    let inside = Matrix::new(members.len(), |i, j| s.covariance.at(members[i], members[j]));
    dot(&weights, &inside.times(&weights))
}

fn names(s: &Statistics, of: &[usize]) -> String {
    let names: Vec<&str> = of.iter().map(|&i| s.names[i].as_str()).collect();
    names.join(" + ")
}
