//! New migrations are embedded: a change of the folder rebuilds the crate.

fn main() {
    println!("cargo:rerun-if-changed=../migrations");
}
