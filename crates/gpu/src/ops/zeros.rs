use laptime_graph::Zeros;

use super::each::{Each, Reading};

impl Each for Zeros {
    fn value(&self, _: &mut Reading) -> String {
        String::new()
    }
}
