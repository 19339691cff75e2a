//! The messages of an event file, in the encoding of Protocol Buffers. The numbers of fields are those of
//! TensorFlow's `event.proto` and `summary.proto`, and of TensorBoard's `plugins/hparams/plugin_data.proto`.

/// A message that is being written.
#[derive(Debug, Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    /// The number of a field with the form of its value: 0 varint, 1 eight bytes, 2 with a length, 5 four bytes.
    fn key(&mut self, field: u64, form: u64) {
        self.varint(field << 3 | form);
    }

    fn whole(mut self, field: u64, value: u64) -> Self {
        self.key(field, 0);
        self.varint(value);
        self
    }

    fn double(mut self, field: u64, value: f64) -> Self {
        self.key(field, 1);
        self.0.extend(value.to_le_bytes());
        self
    }

    fn float(mut self, field: u64, value: f32) -> Self {
        self.key(field, 5);
        self.0.extend(value.to_le_bytes());
        self
    }

    fn bytes(mut self, field: u64, value: &[u8]) -> Self {
        self.key(field, 2);
        self.varint(value.len() as u64);
        self.0.extend(value);
        self
    }

    fn message(self, field: u64, value: Self) -> Self {
        self.bytes(field, &value.0)
    }

    fn doubles(self, field: u64, values: &[f64]) -> Self {
        let packed: Vec<u8> = values.iter().flat_map(|it| it.to_le_bytes()).collect();
        self.bytes(field, &packed)
    }
}

/// A value of a hyperparameter.
#[derive(Debug, Clone, PartialEq)]
pub enum Parameter {
    Number(f64),
    Text(String),
}

/// Builds `Event`s.
pub struct Event;

impl Event {
    /// The first of a file.
    pub fn version(wall_time_s: f64) -> Vec<u8> {
        let event = Message::default().double(1, wall_time_s);
        event.bytes(3, b"brain.Event:2").0
    }

    /// A value of a curve.
    pub fn scalar(wall_time_s: f64, step: u64, tag: &str, value: f64) -> Vec<u8> {
        let value = Message::default()
            .bytes(1, tag.as_bytes())
            .float(2, value as f32);
        summary(wall_time_s, step, value)
    }

    /// A distribution.
    pub fn histogram(wall_time_s: f64, step: u64, tag: &str, of: &Histogram) -> Vec<u8> {
        let histogram = Message::default()
            .double(1, of.min)
            .double(2, of.max)
            .double(3, of.count)
            .double(4, of.sum)
            .double(5, of.sum_of_squares)
            .doubles(6, &of.limits)
            .doubles(7, &of.counts);
        let value = Message::default()
            .bytes(1, tag.as_bytes())
            .message(5, histogram);
        summary(wall_time_s, step, value)
    }

    /// The hyperparameters of a run.
    pub fn session_start(wall_time_s: f64, parameters: &[(&str, Parameter)]) -> Vec<u8> {
        let mut session = Message::default();
        for (name, value) in parameters {
            // google.protobuf.Value: 2 a number, 3 a text.
            let value = match value {
                Parameter::Number(number) => Message::default().double(2, *number),
                Parameter::Text(text) => Message::default().bytes(3, text.as_bytes()),
            };
            // An entry of a map: 1 the key, 2 the value.
            let entry = Message::default()
                .bytes(1, name.as_bytes())
                .message(2, value);
            session = session.message(1, entry);
        }
        let session = session.double(5, wall_time_s);
        let content = Message::default().message(3, session);
        hparams(wall_time_s, "_hparams_/session_start_info", content)
    }

    /// The end of a run: without it TensorBoard shows it as going on.
    pub fn session_end(wall_time_s: f64) -> Vec<u8> {
        const STATUS_SUCCESS: u64 = 1;
        let session = Message::default()
            .whole(1, STATUS_SUCCESS)
            .double(2, wall_time_s);
        let content = Message::default().message(4, session);
        hparams(wall_time_s, "_hparams_/session_end_info", content)
    }
}

fn summary(wall_time_s: f64, step: u64, value: Message) -> Vec<u8> {
    Message::default()
        .double(1, wall_time_s)
        .whole(2, step)
        .message(5, Message::default().message(1, value))
        .0
}

/// A value of the plugin for hyperparameters: all that it says stands in the metadata. The tensor is the
/// placeholder that TensorBoard itself writes, a single zero.
fn hparams(wall_time_s: f64, tag: &str, content: Message) -> Vec<u8> {
    const DT_FLOAT: u64 = 1;
    let plugin = Message::default().bytes(1, b"hparams").message(2, content);
    let metadata = Message::default().message(1, plugin);
    let shape = Message::default().message(2, Message::default().whole(1, 1));
    let tensor = Message::default()
        .whole(1, DT_FLOAT)
        .message(2, shape)
        .bytes(5, &0f32.to_le_bytes());
    let value = Message::default()
        .bytes(1, tag.as_bytes())
        .message(8, tensor)
        .message(9, metadata);
    summary(wall_time_s, 0, value)
}

/// A distribution in buckets of the same width.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    min: f64,
    max: f64,
    count: f64,
    sum: f64,
    sum_of_squares: f64,
    /// The upper end of each bucket.
    limits: Vec<f64>,
    counts: Vec<f64>,
}

/// Buckets of a histogram: as many as TensorBoard draws.
const BUCKETS: usize = 30;

impl Histogram {
    /// Of these values, each standing for so many; `None` where there are none, or one is not finite.
    pub fn of(values: &[f64], each: u64) -> Option<Self> {
        let min = values.iter().copied().fold(f64::INFINITY, f64::min);
        let max = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if values.is_empty() || values.iter().any(|it| !it.is_finite()) {
            return None;
        }
        let width = (max - min) / BUCKETS as f64;
        let bucket = |value: f64| match width > 0.0 {
            true => (((value - min) / width) as usize).min(BUCKETS - 1),
            false => 0,
        };
        let buckets = if width > 0.0 { BUCKETS } else { 1 };
        let mut counts = vec![0.0; buckets];
        for value in values {
            counts[bucket(*value)] += each as f64;
        }
        let sum_of = |of: fn(f64) -> f64| values.iter().map(|it| each as f64 * of(*it)).sum();
        Some(Self {
            min,
            max,
            count: values.len() as f64 * each as f64,
            sum: sum_of(|it| it),
            sum_of_squares: sum_of(|it| it * it),
            limits: (1..=buckets)
                .map(|number| match number == buckets {
                    true => max,
                    false => min + number as f64 * width,
                })
                .collect(),
            counts,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_lengths_are_encoded_as_the_format_says() {
        // From the documentation of the encoding: field 1, 150; field 2, "testing".
        assert_eq!(Message::default().whole(1, 150).0, [0x08, 0x96, 0x01]);
        assert_eq!(
            Message::default().bytes(2, b"testing").0,
            [0x12, 7, 0x74, 0x65, 0x73, 0x74, 0x69, 0x6e, 0x67]
        );
    }

    #[test]
    fn a_histogram_counts_every_value_once() {
        let of = Histogram::of(&[1.0, 2.0, 4.0], 10).unwrap();
        assert_eq!((of.min, of.max, of.count, of.sum), (1.0, 4.0, 30.0, 70.0));
        assert_eq!(of.counts.iter().sum::<f64>(), 30.0);
        assert_eq!(of.limits.last(), Some(&4.0));
        assert_eq!(of.counts.len(), of.limits.len());
        let same = Histogram::of(&[3.0, 3.0], 1).unwrap();
        assert_eq!((same.counts, same.limits), (vec![2.0], vec![3.0]));
        assert_eq!(Histogram::of(&[], 1), None);
        assert_eq!(Histogram::of(&[f64::NAN], 1), None);
    }
}
