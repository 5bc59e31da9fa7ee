//! The few figures by which runs are judged.

/// Mean.
pub fn mean(x: &[f64]) -> f64 {
    x.iter().sum::<f64>() / x.len() as f64
}

/// Standard deviation with n - 1.
pub fn deviation(x: &[f64]) -> f64 {
    let m = mean(x);
    (x.iter().map(|x| (x - m).powi(2)).sum::<f64>() / (x.len() as f64 - 1.0)).sqrt()
}

/// (x - mean) / standard deviation.
pub fn z(x: &[f64]) -> Vec<f64> {
    let (m, s) = (mean(x), deviation(x));
    x.iter().map(|x| (x - m) / s).collect()
}

/// Pearson's correlation.
pub fn pearson(x: &[f64], y: &[f64]) -> f64 {
    assert_eq!(x.len(), y.len());
    z(x).iter().zip(z(y)).map(|(a, b)| a * b).sum::<f64>() / (x.len() as f64 - 1.0)
}

/// Spearman's correlation: Pearson's of the ranks, ties sharing theirs.
pub fn spearman(x: &[f64], y: &[f64]) -> f64 {
    pearson(&ranks(x), &ranks(y))
}

/// Linear interpolation between order statistics, `p` from 0 to 1.
pub fn quantile(x: &[f64], p: f64) -> f64 {
    let mut sorted = x.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = p * (sorted.len() - 1) as f64;
    let low = sorted[at.floor() as usize];
    low + (sorted[at.ceil() as usize] - low) * at.fract()
}

fn ranks(x: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..x.len()).collect();
    order.sort_by(|&a, &b| x[a].total_cmp(&x[b]));
    let mut ranks = vec![0.0; x.len()];
    let mut start = 0;
    while start < order.len() {
        let end =
            (start..order.len()).find(|&i| x[order[i]] != x[order[start]]).unwrap_or(order.len());
        for &i in &order[start..end] {
            ranks[i] = (start + end - 1) as f64 / 2.0;
        }
        start = end;
    }
    ranks
}
