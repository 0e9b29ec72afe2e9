//! Chat, mail, telephones and social networks.

use crate::secrets::check::{always, three_cases};
use crate::secrets::row::{Row, inside, near, token};

pub(super) const ROWS: &[Row] = &[
    token("slack-bot-token", &["xoxb-"], r"\d{10,13}-[\a\-]{14,}"),
    token("slack-user-token", &["xoxp-"], r"\d{10,13}-[\a\-]{14,}"),
    token("slack-app-token", &["xapp-"], r"\d{1}-[A-Z0-9]{9,13}-\d{10,13}-\x{64}"),
    token("slack-config-token", &["xoxe.xoxp-", "xoxe.xoxb-"], r"\d{1}-[\w\-]{100,}"),
    token("slack-refresh-token", &["xoxe-"], r"\d{1}-[\w\-]{100,}"),
    token("slack-legacy-token", &["xoxa-", "xoxs-", "xoxo-", "xoxr-"], r"\d{8,}[\a\-]{16,}"),
    token("slack-session-token", &["xoxc-", "xoxd-"], r"[\w%\-+/]{20,}"),
    token(
        "slack-webhook",
        &["hooks.slack.com/services/", "hooks.slack.com/workflows/", "hooks.slack.com/triggers/"],
        r"(T[A-Z0-9]{8,12}/[\w/]{20,80})",
    ),
    near("slack-signing-secret", &["slack_signing", "slack-signing", "slacksigning"], r"\x{32}"),
    near("discord-bot-token", &["discord", "bot_token", "bot token"], r"[MNO][\w\-]{23,27}.[\w\-]{6}.[\w\-]{27,40}")
        .check(three_cases),
    token("discord-webhook", &["discord.com/api/webhooks/", "discordapp.com/api/webhooks/"], r"(\d{17,20}/[\w\-]{60,72})"),
    near("discord-client-secret", &["discord_client", "discord-client", "discordclient"], r"[\w\-]{32}").check(three_cases),
    inside("telegram-bot-token", r"\d{8,10}", &[":AA"], r"[\w\-]{33}"),
    near("twilio-auth-token", &["twilio"], r"\x{32}"),
    near("twilio-key", &["twilio"], r"SK\x{32}"),
    token("sendgrid-key", &["SG."], r"[\w\-]{22}.[\w\-]{43}"),
    token("mailgun-old-key", &["key-"], r"\x{32}"),
    near("mailgun-key", &["mailgun"], r"\x{32}-\x{8}-\x{8}"),
    inside("mailchimp-key", r"\x{32}", &["-us"], r"\d{1,2}"),
    token("mandrill-key", &["md-"], r"[\w\-]{22}").check(three_cases),
    near("postmark-token", &["postmark"], r"\x{8}-\x{4}-\x{4}-\x{4}-\x{12}"),
    token("brevo-key", &["xkeysib-"], r"\x{64}-\a{16}"),
    token("brevo-smtp-key", &["xsmtpsib-"], r"\x{64}-\a{16}"),
    token("resend-key", &["re_"], r"\a{8}_\a{24}"),
    token("mailersend-token", &["mlsn."], r"\x{64}"),
    near("mailjet-secret", &["mailjet"], r"\x{32}"),
    near("sparkpost-key", &["sparkpost"], r"\x{40}"),
    token("klaviyo-key", &["pk_"], r"\x{34}"),
    token("intercom-token", &["dG9rO"], r"[\a+/=]{50,60}"),
    near("vonage-secret", &["vonage", "nexmo"], r"\a{16}").check(three_cases),
    near("messagebird-key", &["messagebird"], r"\a{25}").check(three_cases),
    near("plivo-token", &["plivo"], r"[\a+/]{40}").check(three_cases),
    near("sinch-token", &["sinch"], r"\x{32}"),
    near("telnyx-key", &["telnyx"], r"KEY[\w]{32,60}"),
    near("zoom-secret", &["zoom"], r"\a{32}").check(three_cases),
    near("webex-token", &["webex"], r"[\w\-]{64}_[\w\-]{4}_[\w\-]{36}"),
    token("teams-webhook", &[".webhook.office.com/webhookb2/"], r"([\x\-]{36}@[\x\-]{36}/IncomingWebhook/\x{32}/[\x\-]{36})"),
    near("mattermost-token", &["mattermost"], "[a-z0-9]{26}"),
    token("matrix-token", &["syt_"], r"[\a+/=]{2,}_[A-Za-z]{20}_\a{6}"),
    near("line-token", &["line_channel", "line-channel", "line_access"], r"[\a+/]{150,}={0,2}"),
    near("rocketchat-token", &["rocketchat", "rocket.chat", "x-auth-token"], r"[\w\-]{43}").check(three_cases),
    near("bluesky-app-password", &["bluesky", "bsky", "atproto"], "[a-z0-9]{4}-[a-z0-9]{4}-[a-z0-9]{4}-[a-z0-9]{4}"),
    near("mastodon-token", &["mastodon"], r"[\w\-]{43}").check(three_cases),
    token("twitter-bearer-token", &["AAAAAAAAAAAAAAAAAAAAA"], r"[\a%]{60,}").check(three_cases_of_bearer),
    near("twitter-access-token", &["twitter", "x_access"], r"\d{15,19}-\a{40}"),
    near("twitter-secret", &["twitter"], r"\a{45,50}").check(three_cases),
    token("facebook-access-token", &["EAAC", "EAAB", "EAAG", "EAAD", "EAAH"], r"\a{80,}").check(three_cases),
    near("facebook-app-secret", &["facebook", "fb_app", "meta_app"], r"\x{32}"),
    token("instagram-token", &["IGQVJ", "IGQWR", "IGAA"], r"[\w\-]{80,}"),
    token("linkedin-secret", &["WPL_AP1."], r"\a{16}.[\a+/]{6,8}={0,2}").check(always),
    near("linkedin-old-secret", &["linkedin"], r"\a{16}").check(three_cases),
    token("pinterest-token", &["pina_"], r"\a{32,}"),
    near("twitch-secret", &["twitch"], "[a-z0-9]{30}"),
    near("reddit-secret", &["reddit"], r"[\w\-]{27,30}").check(three_cases),
    near("spotify-secret", &["spotify"], r"\x{32}"),
    near("gitter-token", &["gitter"], r"\x{40}"),
    near("pusher-secret", &["pusher"], r"\x{20}"),
    near("pushover-token", &["pushover"], "[a-z0-9]{30}"),
    near("onesignal-key", &["onesignal"], r"os_v2_[a-z]{3,4}_[a-z2-7]{80,}"),
    near("courier-key", &["courier"], r"pk_[liveprodts]{4}_[A-Z0-9]{28}"),
    near("strava-secret", &["strava"], r"\x{40}"),
];

/// As the name says, behind its zeros.
fn three_cases_of_bearer(found: crate::secrets::check::Match<'_>) -> bool {
    let rest = found.rest.trim_start_matches('A');
    three_cases(crate::secrets::check::Match { whole: rest, rest })
}
