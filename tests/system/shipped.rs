//! What is shipped works as it says: the configuration files and the help of every command.

use crate::support::Desk;

fn config(name: &str) -> String {
    format!("{}/config/{name}", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_default_and_the_paper_configuration_pass_and_the_live_one_lacks_only_the_acknowledgement() {
    let desk = Desk::new();
    for (name, says) in [("default.toml", "the simulated gateway"), ("paper.toml", "127.0.0.1:7497")] {
        let out = desk.run(&["config", "check", &config(name)]).ok().out;
        assert!(out.contains("no mistakes") && out.contains(says), "{out}");
    }
    let live = config("live.toml");
    for command in [&["config", "check", &live][..], &["run", "--config", &live]] {
        let end = desk.run(command);
        assert_eq!(end.code(), Some(2), "{end:?}");
        let mistakes: Vec<&str> = end.err.lines().filter(|line| line.contains("found")).collect();
        assert_eq!(mistakes.len(), 1, "only one thing is missing: {}", end.err);
        for text in ["live.toml", "instance.live_acknowledgement", "I accept that this trades real money"] {
            assert!(mistakes[0].contains(text), "{text:?} is missing: {}", mistakes[0]);
        }
    }
    assert_eq!(desk.files(), Vec::<String>::new(), "checking leaves nothing");

    let text = std::fs::read_to_string(&live).expect("it is shipped");
    let acknowledged = text.replace("# live_acknowledgement", "live_acknowledgement");
    assert_ne!(text, acknowledged);
    desk.write("live.toml", acknowledged);
    let out = desk.run(&["config", "check", "live.toml"]).ok().out;
    assert!(out.contains("REAL MONEY") && !out.contains("warning"), "{out}");
}

#[test]
fn the_printed_default_is_the_shipped_file_and_passes() {
    let desk = Desk::new();
    let printed = desk.run(&["config", "default"]).ok().out;
    let shipped = std::fs::read_to_string(config("default.toml")).expect("it is shipped");
    assert_eq!(printed.trim_end(), shipped.trim_end());
    desk.write("mine.toml", printed);
    desk.run(&["config", "check", "mine.toml"]).ok();
}

#[test]
fn a_drawn_script_of_faults_is_a_script_that_can_be_played_and_says_what_it_is() {
    let desk = Desk::new();
    let drawn = |seed: &str| {
        let drawing = ["gateway", "--listen", "127.0.0.1:0", "--fault-seed", seed, "--fault-rate", "30"];
        let gateway = desk.start(&drawing);
        gateway.wait_for_text("listening on 127.0.0.1:");
        gateway.interrupt();
        let out = gateway.end().ok().out;
        let script = out.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n");
        (out, script)
    };
    let (out, script) = drawn("3");
    assert!(script.matches("[[at]]").count() > 100, "a day of faults: {out}");
    assert_eq!(drawn("3").1, script, "the same seed draws the same faults");
    assert_ne!(drawn("4").1, script);
    desk.write("drawn.toml", out);
    let gateway = desk.start(&["gateway", "--listen", "127.0.0.1:0", "--script", "drawn.toml"]);
    gateway.wait_for_text("listening on 127.0.0.1:");
    gateway.interrupt();
    gateway.end().ok();

    let faults = desk.run(&["gateway", "--list-faults", "--json"]).ok().json();
    let faults = faults.as_array().expect("a list");
    assert!(faults.len() > 80 && faults.iter().all(|fault| fault["name"].is_string()), "{faults:#?}");
}

#[test]
fn every_command_explains_itself_and_its_options() {
    let desk = Desk::new();
    let commands: [(&str, &[&str]); 8] = [
        ("run", &["--config", "--speed", "--json"]),
        ("replay", &["<FILE>", "--config", "--speed", "--contract", "--most-traded", "--json", "Databento", "LEAN"]),
        ("backtest", &["--config", "--data", "--contract", "--minutes", "--json", "--html", "--csv", "--trials"]),
        ("gateway", &["--listen", "--data", "--contract", "--speed", "--seed", "--start", "--account", "--cash"]),
        ("bars", &["<FILE>", "--out", "--length", "--contract", "--all"]),
        ("config", &["check", "default"]),
        (
            "report",
            &["--config", "--session", "--list", "--json", "--html", "--csv", "--journal", "--compare", "--capital"],
        ),
        ("journal", &["FOLDER"]),
    ];
    let overview = desk.run(&["--help"]).ok().out;
    for (command, options) in commands {
        assert!(overview.contains(&format!("\n  {command} ")), "`pitboss --help` lacks {command}:\n{overview}");
        let help = desk.run(&[command, "--help"]).ok().out;
        for option in options {
            assert!(help.contains(option), "`pitboss {command} --help` lacks {option}:\n{help}");
        }
    }
    let unknown = desk.run(&["trade"]);
    assert_eq!(unknown.code(), Some(2));
    assert!(unknown.err.contains("trade") && unknown.err.contains("--help"), "{}", unknown.err);
    assert_eq!(desk.files(), Vec::<String>::new());
}

#[test]
fn limits_that_let_no_entry_pass_are_told_by_config_check_and_at_the_start() {
    let desk = Desk::new();
    for name in ["default.toml", "paper.toml"] {
        let out = desk.run(&["config", "check", &config(name)]).ok().out;
        assert!(!out.contains("warning"), "what is shipped can trade: {out}");
    }
    let shipped = std::fs::read_to_string(config("default.toml")).expect("it is shipped");
    let tight = shipped.replace("\norders_per_second_max = 10", "\norders_per_second_max = 1");
    assert_ne!(tight, shipped);
    desk.write("tight.toml", tight);
    let told = "strategy trend can never enter: risk.orders_per_second_max is 1";
    let out = desk.run(&["config", "check", "tight.toml"]).ok().out;
    assert!(out.contains(&format!("tight.toml: warning: {told}")) && out.contains("no mistakes"), "{out}");
    let running = desk.start(&["run", "--config", "tight.toml"]);
    running.wait_for_text(told);
    running.interrupt();
    running.end().ok();
}
