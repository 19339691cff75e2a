use laptime_graph::ScalePixels;

use super::each::{Each, Reading};

impl Each for ScalePixels {
    fn value(&self, at: &mut Reading) -> String {
        // Scaled where they are read.
        format!("v = {};\n", at.input(0, "i"))
    }

    fn is_of_pixels(&self) -> bool {
        true
    }

    fn pixel_divisor(&self) -> Option<f32> {
        Some(self.divisor)
    }
}
