//! What a spec calls an activation is what listings and engines call it.

use laptime_workload::{Activation, LayerKind, Overrides, Spec, layers, starter};

#[test]
fn an_activation_has_one_name() {
    let starter = starter("net");
    let before = "[[layer]]\nkind = \"relu\"";
    assert!(starter.contains(before));
    for activation in Activation::EXAMPLES {
        let name = activation.name();
        let entry = layers().find(|entry| entry.kind == name).expect(name);
        let keys = entry.keys.iter();
        let keys = keys.map(|key| format!("\n{} = 0.1", key.name));
        let layer = format!("[[layer]]\nkind = {name:?}{}", keys.collect::<String>());
        let text = starter.replacen(before, &layer, 1);
        let spec = Spec::parse(&text, "net.toml").unwrap();
        let workload = spec.resolve(&Overrides::default()).unwrap();
        let is_there = workload.layers.iter().any(|layer| match layer.kind {
            LayerKind::Activation(activation) => activation.name() == name,
            _ => false,
        });
        assert!(is_there, "{text}");
    }
}
