//! Classes by name, and their numbers.

use std::collections::HashMap;

use super::{MOST_CLASSES, OwnError};

/// The class of each sample, by name.
#[derive(Debug, Clone)]
pub(super) struct Labels {
    place: String,
    /// In the order in which they were met.
    names: Vec<String>,
    numbers: HashMap<String, u32>,
    /// Of each sample, the place among the names.
    samples: Vec<u32>,
}

impl Labels {
    pub(super) fn new(place: &str) -> Self {
        Self {
            place: place.to_owned(),
            names: Vec::new(),
            numbers: HashMap::new(),
            samples: Vec::new(),
        }
    }

    /// One more sample, of this class.
    pub(super) fn push(&mut self, name: &str) {
        let known = self.numbers.get(name).copied();
        let number = known.unwrap_or_else(|| {
            let number = self.names.len() as u32;
            self.names.push(name.to_owned());
            self.numbers.insert(name.to_owned(), number);
            number
        });
        self.samples.push(number);
    }

    /// Whether both have the same classes.
    pub(super) fn check_same_names(&self, other: &Self) -> Result<(), OwnError> {
        for [has, lacks] in [[self, other], [other, self]] {
            let is_absent = |name: &&String| !lacks.numbers.contains_key(*name);
            if let Some(name) = has.names.iter().find(is_absent) {
                let problem = format!(
                    "the class {name:?} of {} has no folder here; both need one for each class",
                    has.place
                );
                return Err(OwnError::new(&lacks.place, problem));
            }
        }
        Ok(())
    }

    /// The classes of the samples of both by number: those that the names are, where all are whole numbers below
    /// 65,536; else by the alphabetical order of the training samples' names, which are given too.
    pub(super) fn numbered(
        train: &Self,
        test: Option<&Self>,
    ) -> Result<([Vec<u16>; 2], Vec<String>), OwnError> {
        let both = [Some(train), test];
        let mut all = both.iter().flatten().flat_map(|labels| &labels.names);
        if all.all(|name| whole(name).is_some()) {
            let of = |labels: Option<&Self>| {
                labels.map_or(Vec::new(), |it| it.with(|name| whole(name).unwrap_or(0)))
            };
            return Ok((both.map(of), Vec::new()));
        }
        let mut names = train.names.clone();
        names.sort();
        if names.len() > MOST_CLASSES {
            let problem = format!(
                "{} different classes are too many; learn numbers with loss = \"mean-squared-error\"",
                names.len()
            );
            return Err(OwnError::new(&train.place, problem));
        }
        if let Some(test) = test
            && let Some(name) = test
                .names
                .iter()
                .find(|name| !train.numbers.contains_key(*name))
        {
            let problem = format!("no training sample has the class {name:?}");
            return Err(OwnError::new(&test.place, problem));
        }
        let places: HashMap<&str, u16> = names.iter().map(String::as_str).zip(0..).collect();
        let of = |labels: Option<&Self>| {
            let number = |name: &str| places.get(name).copied().unwrap_or(0);
            labels.map_or(Vec::new(), |it| it.with(number))
        };
        Ok((both.map(of), names.clone()))
    }

    fn with(&self, number: impl Fn(&str) -> u16) -> Vec<u16> {
        let of_name: Vec<u16> = self.names.iter().map(|name| number(name)).collect();
        let samples = self.samples.iter();
        samples.map(|place| of_name[*place as usize]).collect()
    }
}

fn whole(name: &str) -> Option<u16> {
    let is_plain = name.bytes().all(|byte| byte.is_ascii_digit());
    name.parse().ok().filter(|_| is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(names: &[&str]) -> Labels {
        let mut labels = Labels::new("t.csv");
        names.iter().for_each(|name| labels.push(name));
        labels
    }

    #[test]
    fn numbers_are_classes_and_names_are_numbered_in_alphabetical_order() {
        let numbered = |train: &[&str], test: &[&str]| {
            let of_test = labels(test);
            let numbered = Labels::numbered(&labels(train), Some(&of_test));
            numbered.map_err(|error| error.to_string())
        };
        let ([train, test], names) = numbered(&["3", "0", "3"], &["1"]).unwrap();
        assert_eq!((train, test, names), (vec![3, 0, 3], vec![1], vec![]));
        let ([train, test], names) = numbered(&["dog", "cat", "7", "dog"], &["cat"]).unwrap();
        assert_eq!((train, test), (vec![2, 1, 0, 2], vec![1]));
        assert_eq!(names, ["7", "cat", "dog"]);
        let message = numbered(&["dog", "cat"], &["cow"]).unwrap_err();
        assert_eq!(message, "t.csv: no training sample has the class \"cow\"");
    }
}
