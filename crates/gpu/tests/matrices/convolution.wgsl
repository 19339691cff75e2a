enable f16;
enable wgpu_cooperative_matrix;
struct Step { first: u32, number: u32, log: u32, step_size: f32, decay: f32, epsilon: f32, row: u32 }
@group(0) @binding(0) var<uniform> step: Step;
@group(1) @binding(0) var<storage, read_write> t0: array<u32>;
@group(1) @binding(1) var<storage, read_write> t1: array<f32>;
@group(1) @binding(2) var<storage, read_write> t2: array<f32>;
fn both_of_t0(i: u32) -> vec2<f32> {
let word = t0[i / 2u];
return vec2<f32>(bitcast<f32>(word << 16u), bitcast<f32>(word & 0xffff0000u));
}

fn to_bf16(v: f32) -> f32 {
    let bits = bitcast<u32>(v);
    let near = (bits + 0x7fffu + ((bits >> 16u) & 1u)) & 0xffff0000u;
    let normal = select(near, bits & 0x80000000u, (near & 0x7f800000u) == 0u);
    let is_nan = (bits & 0x7fffffffu) > 0x7f800000u;
    return bitcast<f32>(select(normal, (bits | 0x00400000u) & 0xffff0000u, is_nan));
}

fn a_at(p: u32, k0: u32, kk: u32) -> vec2<f32> {
let t = k0 / 32u;
let c = k0 % 32u + kk;
let ky = 0u + t / 3u;
let kx = 0u + t % 3u;
let b = p / 784u;
let oy = p % 784u / 28u;
let ox = p % 28u;
let iy = oy * 1u + ky - 1u;
let ix = ox * 1u + kx - 1u;
let is_inside = iy < 28u && ix < 28u;
let at = select(0u, ((b * 28u + iy) * 28u + ix) * 32u + c, is_inside);
return select(vec2<f32>(), both_of_t0(at), is_inside);
}

fn b_at(p: u32, k0: u32, kk: u32) -> f32 {
let t = k0 / 32u;
let c = k0 % 32u + kk;
let ky = 0u + t / 3u;
let kx = 0u + t % 3u;
return to_bf16(t1[((ky * 3u + kx) * 32u + c) * 32u + p]);
}

fn store(m: u32, n: u32, made: vec4<f32>, group: vec3<u32>) {
if m < 5488u { var i0 = 0u;
var i1 = 0u;
var i2 = 0u;
var i3 = 0u;
{ let n = n + 0u;
let i = m * 32u + n;
i0 = i;
}
{ let n = n + 1u;
let i = m * 32u + n;
i1 = i;
}
{ let n = n + 2u;
let i = m * 32u + n;
i2 = i;
}
{ let n = n + 3u;
let i = m * 32u + n;
i3 = i;
}
{ let i = i0;
var v = made[0];
t2[group.z * 175616u + i] = v;
}
{ let i = i1;
var v = made[1];
t2[group.z * 175616u + i] = v;
}
{ let i = i2;
var v = made[2];
t2[group.z * 175616u + i] = v;
}
{ let i = i3;
var v = made[3];
t2[group.z * 175616u + i] = v;
}
}
}

var<workgroup> a_tile: array<vec2<f16>, 1280>;
var<workgroup> b_tile: array<vec2<f16>, 640>;
var<workgroup> largest: array<vec4<u32>, 2>;
var<workgroup> results: array<f32, 1280>;
fn power_of(v: vec2<f32>) -> u32 {
    let bits = (bitcast<vec2<u32>>(v) << vec2<u32>(1u)) + vec2<u32>(0x01000000u);
    return max(bits.x, bits.y);
}
// 2^15 over the largest of this power. No power is below 17, so that neither this nor its inverse is too small or large.
fn scale_of(power: vec2<u32>) -> vec2<f32> {
    return bitcast<vec2<f32>>((vec2<u32>(270u) - power) << vec2<u32>(23u));
}
fn power_of_two(exponent: i32) -> f32 { return bitcast<f32>(u32(127 + exponent) << 23u); }
@compute @workgroup_size(128)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(subgroup_id) subgroup: u32, @builtin(subgroup_invocation_id) lane: u32) {
let thread = subgroup * 32u + lane;
let block = group.y * groups.x + group.x;
if block >= 86u { return; }
let m0 = block / 1u * 64u;
let n0 = block % 1u * 32u;
let row = subgroup / 2u * 32u;
let column = subgroup % 2u * 16u;
let of_subgroup = subgroup * 320u;
var a_next0 = vec2<f32>();
var a_next1 = vec2<f32>();
var a_next2 = vec2<f32>();
var a_next3 = vec2<f32>();
var a_next4 = vec2<f32>();
var a_next5 = vec2<f32>();
var a_next6 = vec2<f32>();
var a_next7 = vec2<f32>();
var b_next0 = vec2<f32>();
var b_next1 = vec2<f32>();
var b_next2 = vec2<f32>();
var b_next3 = vec2<f32>();
let k_begin = group.z * 96u;
let k_end = min(288u, (group.z + 1u) * 96u);
{ let k0 = k_begin;
{ let at = thread + 0u; let kk = at % 16u * 2u; let place = at / 16u;
a_next0 = vec2<f32>(); if m0 + place < 5488u { a_next0 = a_at(m0 + place, k0, kk); } }
{ let at = thread + 128u; let kk = at % 16u * 2u; let place = at / 16u;
a_next1 = vec2<f32>(); if m0 + place < 5488u { a_next1 = a_at(m0 + place, k0, kk); } }
{ let at = thread + 256u; let kk = at % 16u * 2u; let place = at / 16u;
a_next2 = vec2<f32>(); if m0 + place < 5488u { a_next2 = a_at(m0 + place, k0, kk); } }
{ let at = thread + 384u; let kk = at % 16u * 2u; let place = at / 16u;
a_next3 = vec2<f32>(); if m0 + place < 5488u { a_next3 = a_at(m0 + place, k0, kk); } }
{ let at = thread + 512u; let kk = at % 16u * 2u; let place = at / 16u;
a_next4 = vec2<f32>(); if m0 + place < 5488u { a_next4 = a_at(m0 + place, k0, kk); } }
{ let at = thread + 640u; let kk = at % 16u * 2u; let place = at / 16u;
a_next5 = vec2<f32>(); if m0 + place < 5488u { a_next5 = a_at(m0 + place, k0, kk); } }
{ let at = thread + 768u; let kk = at % 16u * 2u; let place = at / 16u;
a_next6 = vec2<f32>(); if m0 + place < 5488u { a_next6 = a_at(m0 + place, k0, kk); } }
{ let at = thread + 896u; let kk = at % 16u * 2u; let place = at / 16u;
a_next7 = vec2<f32>(); if m0 + place < 5488u { a_next7 = a_at(m0 + place, k0, kk); } }
{ let at = thread + 0u; let place = at % 16u * 2u; let kk = at / 16u;
b_next0.x = b_at(n0 + place, k0, kk); b_next0.y = b_at(n0 + (place + 1u), k0, kk); }
{ let at = thread + 128u; let place = at % 16u * 2u; let kk = at / 16u;
b_next1.x = b_at(n0 + place, k0, kk); b_next1.y = b_at(n0 + (place + 1u), k0, kk); }
{ let at = thread + 256u; let place = at % 16u * 2u; let kk = at / 16u;
b_next2.x = b_at(n0 + place, k0, kk); b_next2.y = b_at(n0 + (place + 1u), k0, kk); }
{ let at = thread + 384u; let place = at % 16u * 2u; let kk = at / 16u;
b_next3.x = b_at(n0 + place, k0, kk); b_next3.y = b_at(n0 + (place + 1u), k0, kk); }
}
{ let power = subgroupMax(max(max(max(max(max(max(max(power_of(a_next0), power_of(a_next1)), power_of(a_next2)), power_of(a_next3)), power_of(a_next4)), power_of(a_next5)), power_of(a_next6)), power_of(a_next7))) >> 24u; if lane == 0u { largest[0][subgroup] = power; } }
{ let power = subgroupMax(max(max(max(power_of(b_next0), power_of(b_next1)), power_of(b_next2)), power_of(b_next3))) >> 24u; if lane == 0u { largest[1][subgroup] = power; } }
for (var at = lane; at < 320u; at += 32u) { results[of_subgroup + at] = 0.0; }
workgroupBarrier();
var c0_0 = coopLoadT<coop_mat16x16<f32, C>>(&results[of_subgroup], 20u);
var c1_0 = coopLoadT<coop_mat16x16<f32, C>>(&results[of_subgroup], 20u);
var power = vec2<u32>(17u);
for (var piece = k_begin; piece < k_end; piece += 32u) {
let of_a = largest[0];
let of_b = largest[1];
let found = max(power, vec2<u32>(max(max(of_a.x, of_a.y), max(of_a.z, of_a.w)), max(max(of_b.x, of_b.y), max(of_b.z, of_b.w))));
if any(found != power) {
let grown = found - power;
let down = power_of_two(-i32(min(grown.x + grown.y, 126u)));
c0_0 = c0_0 * down;
c1_0 = c1_0 * down;
power = found;
}
let scale = scale_of(power);
{ let at = thread + 0u; let kk = at % 16u * 2u; let place = at / 16u;
a_tile[place * 20u + kk / 2u] = vec2<f16>(a_next0 * scale.x); }
{ let at = thread + 128u; let kk = at % 16u * 2u; let place = at / 16u;
a_tile[place * 20u + kk / 2u] = vec2<f16>(a_next1 * scale.x); }
{ let at = thread + 256u; let kk = at % 16u * 2u; let place = at / 16u;
a_tile[place * 20u + kk / 2u] = vec2<f16>(a_next2 * scale.x); }
{ let at = thread + 384u; let kk = at % 16u * 2u; let place = at / 16u;
a_tile[place * 20u + kk / 2u] = vec2<f16>(a_next3 * scale.x); }
{ let at = thread + 512u; let kk = at % 16u * 2u; let place = at / 16u;
a_tile[place * 20u + kk / 2u] = vec2<f16>(a_next4 * scale.x); }
{ let at = thread + 640u; let kk = at % 16u * 2u; let place = at / 16u;
a_tile[place * 20u + kk / 2u] = vec2<f16>(a_next5 * scale.x); }
{ let at = thread + 768u; let kk = at % 16u * 2u; let place = at / 16u;
a_tile[place * 20u + kk / 2u] = vec2<f16>(a_next6 * scale.x); }
{ let at = thread + 896u; let kk = at % 16u * 2u; let place = at / 16u;
a_tile[place * 20u + kk / 2u] = vec2<f16>(a_next7 * scale.x); }
{ let at = thread + 0u; let place = at % 16u * 2u; let kk = at / 16u;
b_tile[kk * 20u + place / 2u] = vec2<f16>(b_next0 * scale.y); }
{ let at = thread + 128u; let place = at % 16u * 2u; let kk = at / 16u;
b_tile[kk * 20u + place / 2u] = vec2<f16>(b_next1 * scale.y); }
{ let at = thread + 256u; let place = at % 16u * 2u; let kk = at / 16u;
b_tile[kk * 20u + place / 2u] = vec2<f16>(b_next2 * scale.y); }
{ let at = thread + 384u; let place = at % 16u * 2u; let kk = at / 16u;
b_tile[kk * 20u + place / 2u] = vec2<f16>(b_next3 * scale.y); }
workgroupBarrier();
let k0 = piece + 32u;
if k0 < k_end {
{ let at = thread + 0u; let kk = at % 16u * 2u; let place = at / 16u;
a_next0 = vec2<f32>(); if m0 + place < 5488u { a_next0 = a_at(m0 + place, k0, kk); } }
{ let at = thread + 128u; let kk = at % 16u * 2u; let place = at / 16u;
a_next1 = vec2<f32>(); if m0 + place < 5488u { a_next1 = a_at(m0 + place, k0, kk); } }
{ let at = thread + 256u; let kk = at % 16u * 2u; let place = at / 16u;
a_next2 = vec2<f32>(); if m0 + place < 5488u { a_next2 = a_at(m0 + place, k0, kk); } }
{ let at = thread + 384u; let kk = at % 16u * 2u; let place = at / 16u;
a_next3 = vec2<f32>(); if m0 + place < 5488u { a_next3 = a_at(m0 + place, k0, kk); } }
{ let at = thread + 512u; let kk = at % 16u * 2u; let place = at / 16u;
a_next4 = vec2<f32>(); if m0 + place < 5488u { a_next4 = a_at(m0 + place, k0, kk); } }
{ let at = thread + 640u; let kk = at % 16u * 2u; let place = at / 16u;
a_next5 = vec2<f32>(); if m0 + place < 5488u { a_next5 = a_at(m0 + place, k0, kk); } }
{ let at = thread + 768u; let kk = at % 16u * 2u; let place = at / 16u;
a_next6 = vec2<f32>(); if m0 + place < 5488u { a_next6 = a_at(m0 + place, k0, kk); } }
{ let at = thread + 896u; let kk = at % 16u * 2u; let place = at / 16u;
a_next7 = vec2<f32>(); if m0 + place < 5488u { a_next7 = a_at(m0 + place, k0, kk); } }
{ let at = thread + 0u; let place = at % 16u * 2u; let kk = at / 16u;
b_next0.x = b_at(n0 + place, k0, kk); b_next0.y = b_at(n0 + (place + 1u), k0, kk); }
{ let at = thread + 128u; let place = at % 16u * 2u; let kk = at / 16u;
b_next1.x = b_at(n0 + place, k0, kk); b_next1.y = b_at(n0 + (place + 1u), k0, kk); }
{ let at = thread + 256u; let place = at % 16u * 2u; let kk = at / 16u;
b_next2.x = b_at(n0 + place, k0, kk); b_next2.y = b_at(n0 + (place + 1u), k0, kk); }
{ let at = thread + 384u; let place = at % 16u * 2u; let kk = at / 16u;
b_next3.x = b_at(n0 + place, k0, kk); b_next3.y = b_at(n0 + (place + 1u), k0, kk); }
}
{
let a0 = coopLoadT<coop_mat16x16<f16, A>>(&a_tile[((row + 0u) * 40u + 0u) / 2u], 20u);
let a1 = coopLoadT<coop_mat16x16<f16, A>>(&a_tile[((row + 16u) * 40u + 0u) / 2u], 20u);
let b0 = coopLoadT<coop_mat16x16<f16, B>>(&b_tile[(0u + (column + 0u)) / 2u], 20u);
c0_0 = coopMultiplyAdd(a0, b0, c0_0);
c1_0 = coopMultiplyAdd(a1, b0, c1_0);
}
{
let a0 = coopLoadT<coop_mat16x16<f16, A>>(&a_tile[((row + 0u) * 40u + 16u) / 2u], 20u);
let a1 = coopLoadT<coop_mat16x16<f16, A>>(&a_tile[((row + 16u) * 40u + 16u) / 2u], 20u);
let b0 = coopLoadT<coop_mat16x16<f16, B>>(&b_tile[(640u + (column + 0u)) / 2u], 20u);
c0_0 = coopMultiplyAdd(a0, b0, c0_0);
c1_0 = coopMultiplyAdd(a1, b0, c1_0);
}
{ let power = subgroupMax(max(max(max(max(max(max(max(power_of(a_next0), power_of(a_next1)), power_of(a_next2)), power_of(a_next3)), power_of(a_next4)), power_of(a_next5)), power_of(a_next6)), power_of(a_next7))) >> 24u; if lane == 0u { largest[0][subgroup] = power; } }
{ let power = subgroupMax(max(max(max(power_of(b_next0), power_of(b_next1)), power_of(b_next2)), power_of(b_next3))) >> 24u; if lane == 0u { largest[1][subgroup] = power; } }
workgroupBarrier();
}
// In halves, each a normal number: what is too large or small for one may not be so for both.
let up = i32(power.x + power.y) - 286;
let first_half = power_of_two(up >> 1u);
let second_half = power_of_two(up - (up >> 1u));
coopStoreT(c0_0, &results[of_subgroup], 20u);
workgroupBarrier();
for (var at = lane; at < 64u; at += 32u) {
let r = at / 4u;
let c = at % 4u * 4u;
let first = of_subgroup + r * 20u + c;
let sums = vec4<f32>(results[first], results[first + 1u], results[first + 2u], results[first + 3u]);
store(m0 + row + 0u + r, n0 + column + 0u + c, sums * first_half * second_half, group);
}
workgroupBarrier();
coopStoreT(c1_0, &results[of_subgroup], 20u);
workgroupBarrier();
for (var at = lane; at < 64u; at += 32u) {
let r = at / 4u;
let c = at % 4u * 4u;
let first = of_subgroup + r * 20u + c;
let sums = vec4<f32>(results[first], results[first + 1u], results[first + 2u], results[first + 3u]);
store(m0 + row + 16u + r, n0 + column + 0u + c, sums * first_half * second_half, group);
}
}
