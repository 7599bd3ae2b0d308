//! Keys that change.

use super::setup::{Site, configuration, key, serving, token, token_of};
use crate::host::Reply;

#[test]
fn keys_are_fetched_again_before_their_time_is_over_and_a_removed_key_takes_its_tokens_along() {
    let (old, new) = (key(), key());
    let fields = ", refreshSeconds: 100, unknownKidCooldownSeconds: 3600";
    let mut site = Site::with_keys(2, &configuration(fields), &serving(&[(Some("old"), &old)]));
    let cached = token(&old, Some("old"));
    for _ in 0..3 {
        assert_eq!(
            (site.ask(0, &cached), site.ask(1, &cached)),
            ("forwarded as alice".into(), "forwarded as alice".into())
        );
    }
    site.pass(79_000);
    assert!(site.calls().is_empty());
    let worker = site.pass_until_call(11_500);
    // Nobody waits meanwhile.
    assert_eq!(site.ask(0, &cached), "forwarded as alice");
    site.answer(worker, &serving(&[(Some("new"), &new)]));
    site.pass(500);
    for worker in [0, 1] {
        let unknown = site.ask(worker, &cached);
        assert!(["waits", "A403JK"].contains(&unknown.as_str()), "{unknown}");
        assert_eq!(site.ask(worker, &token_of("bob", &new, Some("new"))), "forwarded as bob");
    }
}

#[test]
fn a_kid_with_another_key_verifies_with_the_new_key_only() {
    let (old, new) = (key(), key());
    let mut site = Site::with_keys(2, &configuration(", refreshSeconds: 60"), &serving(&[(Some("a"), &old)]));
    assert_eq!(site.ask(1, &token(&old, Some("a"))), "forwarded as alice");
    let worker = site.pass_until_call(54_500);
    site.answer(worker, &serving(&[(Some("a"), &new)]));
    site.pass(500);
    for worker in [0, 1] {
        assert_eq!(site.ask(worker, &token(&old, Some("a"))), "A403JT");
        assert_eq!(site.ask(worker, &token(&new, Some("a"))), "forwarded as alice");
    }
}

#[test]
fn a_set_that_is_no_good_does_not_replace_a_good_one() {
    let issuer = key();
    let mut site = Site::with_keys(1, &configuration(", refreshSeconds: 60"), &serving(&[(Some("a"), &issuer)]));
    for reply in [Reply::new(200, r#"{"keys":[]}"#), Reply::new(404, ""), Reply::default()] {
        site.pass_until_call(62_000);
        site.answer(0, &reply);
        site.pass(500);
        assert_eq!(site.ask(0, &token(&issuer, Some("a"))), "forwarded as alice");
    }
}

#[test]
fn max_age_shortens_the_time_of_keys_to_a_minute_at_least() {
    for (cache_control, earliest, latest) in
        [("max-age=0", 48, 54), ("public, max-age=100", 80, 90), ("max-age=1000", 160, 180), ("no-store", 160, 180)]
    {
        let set = serving(&[(Some("a"), &key())]).header("cache-control", cache_control);
        let mut site = Site::with_keys(1, &configuration(", refreshSeconds: 200"), &set);
        site.pass(earliest * 1_000 - 1_000);
        assert!(site.calls().is_empty(), "{cache_control}");
        site.pass_until_call((latest - earliest) * 1_000 + 1_500);
    }
}
