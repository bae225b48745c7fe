//! What every drawing needs: scales, axes, lines with few points. In: numbers. Out: pieces of SVG.
//! Colours are classes that `style` knows. Absent: what is drawn.

use std::fmt::Write;

/// A drawing's size and the room around its plot, in pixels of its own coordinates.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    pub width: f64,
    pub height: f64,
    pub left: f64,
    pub right: f64,
    pub top: f64,
    pub bottom: f64,
}

impl Frame {
    pub fn wide(height: f64) -> Self {
        Self { width: 1_080.0, height, left: 76.0, right: 14.0, top: 12.0, bottom: 26.0 }
    }

    pub fn half(height: f64) -> Self {
        Self { width: 530.0, height, left: 66.0, right: 12.0, top: 12.0, bottom: 40.0 }
    }

    /// `count` places from the left to the right edge, the first and the last on them.
    pub fn columns(&self, count: usize) -> Scale {
        let last = count.saturating_sub(1).max(1) as f64;
        Scale { low: 0.0, high: last, from: self.left, to: self.width - self.right }
    }

    /// From the lowest value at the bottom to the highest at the top, with a little air.
    pub fn rows(&self, low: f64, high: f64) -> Scale {
        let air = if high > low { (high - low) * 0.05 } else { high.abs().max(1.0) * 0.05 };
        Scale { low: low - air, high: high + air, from: self.height - self.bottom, to: self.top }
    }

    /// A drawing with this content; `label` is for readers who do not see it.
    pub fn draw(&self, label: &str, content: &str) -> String {
        format!(
            "<div class=\"chart\"><svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">{content}</svg></div>\n",
            self.width,
            self.height,
            escape(label)
        )
    }

    /// Horizontal grid lines with their numbers.
    pub fn grid(&self, rows: &Scale, text: impl Fn(f64) -> String) -> String {
        let mut out = String::new();
        for value in ticks(rows.low, rows.high, 5) {
            let y = rows.at(value);
            add(
                &mut out,
                format_args!(
                    "<line class=\"grid\" x1=\"{:.1}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/><text class=\"axis\" \
                     x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                    self.left,
                    self.width - self.right,
                    self.left - 8.0,
                    y + 4.0,
                    escape(&text(value))
                ),
            );
        }
        out
    }

    /// Numbers below the plot.
    pub fn numbers_below(&self, columns: &Scale, text: impl Fn(f64) -> String) -> String {
        let y = self.height - self.bottom + 16.0;
        ticks(columns.low, columns.high, 6).into_iter().fold(String::new(), |mut out, value| {
            let x = columns.at(value);
            let label = escape(&text(value));
            add(
                &mut out,
                format_args!("<text class=\"axis\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"middle\">{label}</text>"),
            );
            out
        })
    }

    /// What an axis below the plot means.
    pub fn name_below(&self, name: &str) -> String {
        let x = (self.left + self.width - self.right) / 2.0;
        let y = self.height - 6.0;
        format!("<text class=\"axis name\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"middle\">{}</text>", escape(name))
    }
}

/// A straight line from values to pixels.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    pub low: f64,
    pub high: f64,
    pub from: f64,
    pub to: f64,
}

impl Scale {
    pub fn at(&self, value: f64) -> f64 {
        self.from + (value - self.low) / (self.high - self.low) * (self.to - self.from)
    }
}

/// Round numbers from `low` to `high`, about `count` of them.
pub fn ticks(low: f64, high: f64, count: u32) -> Vec<f64> {
    let span = high - low;
    if !(span.is_finite() && span > 0.0) {
        return Vec::new();
    }
    let rough = span / f64::from(count.max(1));
    let size = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().map(|m| m * size).find(|step| *step >= rough).unwrap_or(rough);
    let first = (low / step).ceil();
    (0..=count * 2).map(|n| (first + f64::from(n)) * step).take_while(|value| *value <= high + step * 1e-9).collect()
}

/// At most two points a column, the lowest and the highest, so that nothing that stands out is lost.
pub fn thin(values: &[f64], columns: usize) -> Vec<(usize, f64)> {
    if values.len() <= columns * 2 {
        return values.iter().copied().enumerate().collect();
    }
    let mut kept = Vec::with_capacity(columns * 2 + 2);
    kept.push((0, values[0]));
    for column in 0..columns {
        let (from, to) = (column * values.len() / columns, (column + 1) * values.len() / columns);
        let by_value = |a: &usize, b: &usize| values[*a].total_cmp(&values[*b]);
        let low = (from..to).min_by(by_value);
        let high = (from..to).max_by(by_value);
        if let (Some(low), Some(high)) = (low, high) {
            let (first, second) = if low <= high { (low, high) } else { (high, low) };
            kept.push((first, values[first]));
            kept.push((second, values[second]));
        }
    }
    kept.push((values.len() - 1, values[values.len() - 1]));
    kept
}

/// The `d` of a path through points.
pub fn path(points: impl Iterator<Item = (f64, f64)>) -> String {
    let mut out = String::new();
    for (n, (x, y)) in points.enumerate() {
        add(&mut out, format_args!("{}{x:.1} {y:.1}", if n == 0 { "M" } else { "L" }));
    }
    out
}

/// The `d` of the area between points and a level.
pub fn area(points: &[(f64, f64)], level: f64) -> String {
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return String::new() };
    format!("{}L{:.1} {level:.1}L{:.1} {level:.1}Z", path(points.iter().copied()), last.0, first.0)
}

/// Text that cannot be mistaken for markup.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

pub fn add(out: &mut String, what: std::fmt::Arguments<'_>) {
    out.write_fmt(what).expect("memory takes what is written");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_inside() {
        assert_eq!(ticks(0.0, 10.0, 5), [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]);
        assert_eq!(ticks(-30.0, 170.0, 5), [0.0, 50.0, 100.0, 150.0]);
        assert!(ticks(1.0, 1.0, 5).is_empty() && ticks(0.0, f64::NAN, 5).is_empty());
    }

    #[test]
    fn thinning_keeps_the_ends_and_every_extreme() {
        let mut values: Vec<f64> = (0..10_000).map(|n| f64::from(n % 10)).collect();
        (values[4_321], values[8_765]) = (99.0, -99.0);
        let kept = thin(&values, 100);
        assert!(kept.len() <= 202 && kept.is_sorted_by_key(|(place, _)| *place));
        assert!(kept.contains(&(4_321, 99.0)) && kept.contains(&(8_765, -99.0)));
        assert_eq!((kept[0].0, kept[kept.len() - 1].0), (0, 9_999));
        assert_eq!(thin(&[1.0, 2.0], 100), [(0, 1.0), (1, 2.0)]);
    }

    #[test]
    fn markup_in_names_is_only_text() {
        assert_eq!(escape("<a href=\"x\">&'"), "&lt;a href=&quot;x&quot;&gt;&amp;&#39;");
    }
}
