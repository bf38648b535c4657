//! Passwords that somebody who guesses would try first: those of known lists, what is made of them, and what everybody
//! knows about the person.
//!
//! `zxcvbn` holds the lists (30,000 passwords of breaches, and the commonest words, names and places) and recognises
//! what people make of them: repeats, sequences, paths on a keyboard, years, letters swapped for digits, words in a
//! row. We ask it one thing, whether a password is found within [`GUESSES`]; that is a list, not a rule about
//! composition. Nothing leaves the server.

/// Passwords found within so many guesses are refused: ten times fewer than eight random characters take by `zxcvbn`'s
/// count (10⁸), and a hundred times more than its longest list.
const GUESSES: u64 = 10_000_000;

/// Characters that are looked at together. A password that is longer is looked at in parts, and one good part is
/// enough. `zxcvbn` 3.1.1 counts in 64 bits, and on longer paths along a keyboard it counts past them.
const PART: usize = 24;

/// Longest word about a person, for the same reason: their case and digits are counted too.
const WORD_MAX: usize = 20;

/// Too short to say anything about a person, and found in every other password.
const WORD_MIN: usize = 3;

/// Long passwords that stand in books, songs and advice on passwords. `zxcvbn` knows their words, not their fame.
/// Written as [`squashed`] leaves them.
const FAMOUS: &[&str] = &[
    "allyourbasearebelongtous",
    "askmenoquestionsilltellyounolies",
    "batteryhorsestaplecorrect",
    "correctbatteryhorsestaple",
    "correcthorsebattery",
    "correcthorsebatterystaple",
    "horsebatterystaplecorrect",
    "iamthewalrus",
    "ihaveadream",
    "inthebeginningwastheword",
    "itwasadarkandstormynight",
    "itwasthebestoftimes",
    "ithinkthereforeiam",
    "loremipsumdolorsitamet",
    "maytheforcebewithyou",
    "nevergonnagiveyouup",
    "onceuponatime",
    "onceuponatimeinthewest",
    "onlythegooddieyoung",
    "ourfatherwhoartinheaven",
    "thequickbrownfox",
    "thequickbrownfoxjumpsoverthelazydog",
    "thisismypassword",
    "thispasswordissecret",
    "tobeornottobe",
    "tobeornottobethatisthequestion",
    "twinkletwinklelittlestar",
    "wethepeople",
    "youshallnotpass",
];

/// Whether somebody who guesses would try it early. `about` is what they may know: the portal's name, the person's
/// name, their address.
pub(super) fn is_known(password: &str, about: &[&str]) -> bool {
    let whole = squashed(password);
    let whole = whole.trim_matches(|c: char| c.is_ascii_digit());
    if FAMOUS.contains(&whole) || about.iter().any(|text| squashed(text) == whole) {
        return true;
    }
    let words = words(about);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    // `p-a-s-s-w-o-r-d` is no better than `password`.
    let plain: String = password.chars().filter(|c| !is_separator(*c)).collect();
    is_found(password, &words) || (plain.len() != password.len() && is_found(&plain, &words))
}

/// Whether every part is found early. Nothing has no parts, so what consists of separators alone is found as well.
fn is_found(password: &str, words: &[&str]) -> bool {
    let characters: Vec<char> = password.chars().collect();
    characters.chunks(PART).all(|part| zxcvbn::zxcvbn(&part.iter().collect::<String>(), words).guesses() < GUESSES)
}

const fn is_separator(c: char) -> bool {
    matches!(c, ' ' | '-' | '_' | '.' | ',')
}

fn squashed(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Each text as a whole, and its words.
fn words(about: &[&str]) -> Vec<String> {
    about
        .iter()
        .flat_map(|text| {
            let parts = text.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase);
            [text.to_lowercase(), squashed(text)].into_iter().chain(parts)
        })
        .filter(|word| (WORD_MIN..=WORD_MAX).contains(&word.chars().count()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Dice;

    const ABOUT: &[&str] = &["Countersign", "Ada Lovelace", "countess.ada@example.com"];

    /// Claims: MAST-07
    #[test]
    fn a_password_that_everybody_guesses_is_refused_however_long_it_is() {
        for known in [
            "passwordpassword",
            "Password12345678",
            "P@ssw0rdP@ssw0rd",
            "p-a-s-s-w-o-r-d-1-2-3",
            "password password",
            "123456789012345",
            "111111111111111111",
            "aaaaaaaaaaaaaaaaaaaaaaaa",
            "abcabcabcabcabcabc",
            "abcdefghijklmnop",
            "abcdefghijklmnopqrstuvwxyz",
            "ponmlkjihgfedcba",
            "qwertyuiopasdfgh",
            "qwertyuiop123456",
            "1qaz2wsx3edc4rfv",
            "iloveyouiloveyou",
            "iloveyou12345678",
            "letmeinletmein12",
            "correct horse battery staple",
            "CorrectHorseBatteryStaple1",
            "May the Force be with you!",
            "               ",
            "password password password password password password password",
            &"xyz".repeat(85),
        ] {
            assert!(is_known(known, &[]), "{known}");
        }
    }

    /// Claims: MAST-07
    #[test]
    fn what_everybody_knows_about_a_person_is_no_password() {
        for known in [
            "countersigncountersign",
            "Countersign-2026",
            "adalovelaceadalovelace",
            "Ada Lovelace 1815",
            "countess.ada@example.com",
            "ecalevolada-1815",
            "lovelace-countersign",
        ] {
            assert!(is_known(known, ABOUT), "{known}");
        }
        assert!(!is_known("lovelace under seven umbrellas", ABOUT), "a name among other words does no harm");
    }

    /// Claims: MAST-07
    #[test]
    fn any_composition_and_any_script_is_a_password() {
        for good in [
            "eleven green kettles sing",
            "eleven green kettles sink",
            "seven quiet violins hum",
            "the password of somebody else",
            "the password that counts",
            "another password entirely",
            "canary password of nobody",
            "kX9mq2Zw",
            "dhfuwlqpzmrtybc",
            "семь тихих скрипок поют",
            "七把安静的小提琴在唱歌没有人听见",
            "🦩🪗🧦🛶🦔🍞🪁🧲",
            "!!!!####$$$$%%%%abc",
            &format!("{}vtqz mhrw pbkx", "a".repeat(100)),
        ] {
            assert!(!is_known(good, ABOUT), "{good}");
        }
    }

    /// Built with overflow checks, this panics where `zxcvbn` counts past 64 bits.
    #[test]
    fn no_password_is_too_much_for_the_lists() {
        let alphabets = [
            "789456123+-*/0.",
            "qwertyuiopasdfghjklzxcvbnm",
            "QaWsEdRfTgYhUj",
            "4@8({[<369&#!1/|0$5+7%2sSaA",
            "aA",
            "0123456789/-. ",
            "Åéß字🦩 ",
        ];
        let long = "L".repeat(200);
        let mut dice = Dice(7);
        for round in 0..300 {
            let alphabet: Vec<char> = alphabets[round % alphabets.len()].chars().collect();
            let unit: Vec<char> = (0..=dice.below(40)).map(|_| *dice.pick(&alphabet)).collect();
            let password: String = unit.iter().cycle().take(15 + dice.below(241) as usize).collect();
            let _ = is_known(&password, &[&long, "Ada Lovelace", &password]);
        }
        for path in ["qazwsxedcrfvtgbyhnujmikolp", "741852963+-*/987456321", "1q2w3e4r5t6y7u8i9o0p"] {
            let _ = is_known(&path.repeat(8), &[]);
        }
    }
}
