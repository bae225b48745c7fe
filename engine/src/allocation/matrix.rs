//! Small dense matrices and what a method may know: means and covariances. In: rows of days. Out: numbers.
//! Sums are taken in the order of the days and strategies: the same input gives the same bits.

/// Square, row by row.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Matrix {
    n: usize,
    cells: Vec<f64>,
}

impl Matrix {
    pub(super) fn new(n: usize, of: impl Fn(usize, usize) -> f64) -> Self {
        let cells = (0..n * n).map(|at| of(at / n, at % n)).collect();
        Self { n, cells }
    }

    pub(super) fn at(&self, row: usize, column: usize) -> f64 {
        self.cells[row * self.n + column]
    }

    pub(super) fn len(&self) -> usize {
        self.n
    }

    pub(super) fn times(&self, vector: &[f64]) -> Vec<f64> {
        (0..self.n).map(|row| dot(&self.cells[row * self.n..(row + 1) * self.n], vector)).collect()
    }

    /// Whether Cholesky's method finds every pivot above `least`: not singular, for a matrix whose diagonal is one.
    pub(super) fn is_definite(&self, least: f64) -> bool {
        let mut low = Matrix::new(self.n, |_, _| 0.0);
        for row in 0..self.n {
            for column in 0..=row {
                let done: f64 = (0..column).map(|k| low.at(row, k) * low.at(column, k)).sum();
                let rest = self.at(row, column) - done;
                let cell = match row == column {
                    true if rest > least => rest.sqrt(),
                    true => return false,
                    false => rest / low.at(column, column),
                };
                low.cells[row * self.n + column] = cell;
            }
        }
        true
    }
}

pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Means and sample covariances (ddof 1) of several series over the same days.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Statistics {
    pub(super) names: Vec<String>,
    pub(super) means: Vec<f64>,
    pub(super) covariance: Matrix,
}

impl Statistics {
    /// `columns` are equally long, at least two days.
    pub(super) fn of(names: Vec<String>, columns: &[Vec<f64>]) -> Self {
        let days = columns.first().map_or(0, Vec::len) as f64;
        let means: Vec<f64> = columns.iter().map(|column| column.iter().sum::<f64>() / days).collect();
        let covariance = Matrix::new(columns.len(), |i, j| {
            let apart = columns[i].iter().zip(&columns[j]).map(|(a, b)| (a - means[i]) * (b - means[j]));
            apart.sum::<f64>() / (days - 1.0)
        });
        Self { names, means, covariance }
    }

    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    pub(super) fn volatility(&self, i: usize) -> f64 {
        self.covariance.at(i, i).sqrt()
    }

    pub(super) fn correlation(&self) -> Matrix {
        Matrix::new(self.len(), |i, j| match i == j {
            true => 1.0,
            false => (self.covariance.at(i, j) / (self.volatility(i) * self.volatility(j))).clamp(-1.0, 1.0),
        })
    }
}
