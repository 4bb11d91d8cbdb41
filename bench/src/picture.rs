//! Curves as an SVG that can be read on light and dark pages.

use std::fmt::Write;

use crate::figures::Figures;
use crate::table::figure;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 400.0;
const LEFT: f64 = 70.0;
/// Room for the names of the curves, which are written at their ends.
const RIGHT: f64 = 210.0;
const TOP: f64 = 50.0;
const BOTTOM: f64 = 50.0;

/// Colours that can be read on white and on black alike, so that no viewer has to know which scheme the page has.
const STYLE: &str = "<style>
text { font: 13px system-ui, sans-serif; fill: #757d87 }
.grid { stroke: #8884; stroke-width: 1 }
.curve { fill: none; stroke-width: 2.5; stroke-linejoin: round }
.spread { stroke-width: 1 }
.ours { stroke: #2f81f7 } .bare { stroke: #8b949e } .notify { stroke: #d9772b }
text.ours { stroke: none; fill: #2f81f7 } text.bare { stroke: none; fill: #8b949e } text.notify { stroke: none; fill: #d9772b }
</style>";

/// A curve of the picture.
pub struct Curve<'a> {
    name: &'static str,
    class: &'static str,
    points: &'a [Figures],
}

impl Curve<'_> {
    /// A curve with a name, a class of the style above, and a point for each number of sessions.
    pub fn new<'a>(name: &'static str, class: &'static str, points: &'a [Figures]) -> Curve<'a> {
        Curve {
            name,
            class,
            points,
        }
    }
}

/// Returns the picture. The numbers of sessions double from each to the next and are equally far apart.
pub fn picture(title: &str, sessions: &[usize], curves: &[Curve]) -> String {
    let points = curves.iter().flat_map(|curve| curve.points);
    let most = points.map(Figures::most).fold(1.0, f64::max);
    let scale = Scale {
        steps: sessions.len().saturating_sub(1).max(1) as f64,
        step: tick(most),
        most,
    };
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{title}\">\n\
         {STYLE}\n<text x=\"{LEFT}\" y=\"24\" font-weight=\"bold\">{title}</text>\n"
    );
    svg += &scale.grid(sessions);
    for (curve, y) in curves.iter().zip(scale.places_of_names(curves)) {
        svg += &scale.curve(curve, y);
    }
    svg + "</svg>\n"
}

/// Returns a round distance of which four to ten reach the largest value.
fn tick(most: f64) -> f64 {
    let power = 10f64.powf((most / 4.0).log10().floor());
    let steps = [5.0, 2.0, 1.0].map(|times| times * power);
    steps
        .into_iter()
        .find(|step| most / step >= 4.0)
        .unwrap_or(power)
}

struct Scale {
    steps: f64,
    step: f64,
    most: f64,
}

impl Scale {
    fn x(&self, place: usize) -> f64 {
        LEFT + place as f64 / self.steps * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, value: f64) -> f64 {
        let top = (self.most / self.step).ceil() * self.step;
        HEIGHT - BOTTOM - value / top * (HEIGHT - TOP - BOTTOM)
    }

    fn grid(&self, sessions: &[usize]) -> String {
        let mut svg = String::new();
        let lines = (self.most / self.step).ceil() as u32;
        for line in 0..=lines {
            let value = f64::from(line) * self.step;
            let y = self.y(value);
            let end = WIDTH - RIGHT;
            _ = writeln!(
                svg,
                "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{end}\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                LEFT - 8.0,
                y + 4.0,
                figure(value),
            );
        }
        for (place, count) in sessions.iter().enumerate() {
            _ = writeln!(
                svg,
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{count}</text>",
                self.x(place),
                HEIGHT - BOTTOM + 20.0,
            );
        }
        _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">sessions</text>",
            self.x(sessions.len() / 2),
            HEIGHT - BOTTOM + 40.0,
        );
        svg
    }

    /// Returns where the names go: at the ends of the curves, and so far apart that they can be read.
    fn places_of_names(&self, curves: &[Curve]) -> Vec<f64> {
        let ends = curves.iter().map(|curve| {
            let last = curve.points.last().map_or(0.0, Figures::median);
            self.y(last)
        });
        let mut places: Vec<(usize, f64)> = ends.enumerate().collect();
        places.sort_by(|a, b| a.1.total_cmp(&b.1));
        for upper in 1..places.len() {
            places[upper].1 = places[upper].1.max(places[upper - 1].1 + 18.0);
        }
        places.sort_by_key(|(curve, _)| *curve);
        places.into_iter().map(|(_, y)| y).collect()
    }

    /// A line through the medians, with a stroke from the least to the most at each.
    fn curve(&self, curve: &Curve, name_y: f64) -> String {
        let Curve {
            name,
            class,
            points,
        } = curve;
        let (mut path, mut spread) = (String::new(), String::new());
        for (place, figures) in points.iter().enumerate() {
            let x = self.x(place);
            let letter = if place == 0 { 'M' } else { 'L' };
            _ = write!(path, "{letter}{x:.1} {:.1}", self.y(figures.median()));
            let (low, high) = (self.y(figures.least()), self.y(figures.most()));
            _ = write!(spread, "M{x:.1} {low:.1}V{high:.1}");
        }
        format!(
            "<path class=\"curve {class}\" d=\"{path}\"/>\n<path class=\"spread {class}\" d=\"{spread}\"/>\n\
             <text class=\"{class}\" x=\"{:.1}\" y=\"{:.1}\">{name}</text>\n",
            WIDTH - RIGHT + 10.0,
            name_y + 4.0,
        )
    }
}
