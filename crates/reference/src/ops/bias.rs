//! Adding a bias, and its gradient.

/// `y = x + b`. x and y are (…, C), b is (C).
pub fn bias(x: &[f64], b: &[f64]) -> Vec<f64> {
    let mut y = x.to_vec();
    for row in y.chunks_mut(b.len()) {
        for (y, b) in row.iter_mut().zip(b) {
            *y += b;
        }
    }
    y
}

/// `db = Σ dy` over all but the channels. dy is (…, C), db is (C).
pub fn bias_grad(dy: &[f64], channels: usize) -> Vec<f64> {
    let mut db = vec![0.0; channels];
    for row in dy.chunks(channels) {
        for (db, dy) in db.iter_mut().zip(row) {
            *db += dy;
        }
    }
    db
}
