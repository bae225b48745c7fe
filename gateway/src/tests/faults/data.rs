pub const TESTED: &[&str] = &[];
