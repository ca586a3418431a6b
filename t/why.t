# Why could this person not log in?  Every error page shows its code and the request id, and the log format and the jq
# line of docs/errors.md answer, by those and by whatever else is known.

use lib 't/lib';
use VcitaTest;
use VcitaCheck;
use VcitaAssertion;
use VcitaCases;

repeat_each(1);

sub slurp { local $/; open my $fh, '<', $_[0] or die "$_[0]: $!\n"; return scalar <$fh> }

# where they are; tools/mutants.sh tests its own
my $Examples = $ENV{VCITA_EXAMPLES} // 'examples';

# what the example says of its log, from "map" to "access_log"; the log is in the server root
my ($Log) = slurp("$Examples/login-log.conf") =~ /^(    map \$request_uri .*?)^    server \{/ms or die "no log in the example\n";
$Log =~ s{/var/log/nginx/}{logs/}g or die "no path in the example\n";

# the jq line of the docs, as it is there, for somebody else in another file
my ($Jq) = slurp('docs/errors.md') =~ /^```sh\n(jq .*)\n```/m or die "no jq in docs/errors.md\n";

# what it prints
sub VcitaFlow::Code::why {
    my ($who) = @_;
    my $file = VcitaFlow::servroot() . '/logs/login.log';
    (my $jq = $Jq) =~ s/(--arg who )\S+/$1'$who'/ or die "no --arg who\n";
    $jq =~ s{/var/log/nginx/login\.log}{$file} or die "no file\n";
    my $said = `$jq 2>&1`;
    die "jq: $said" if $?;
    return $said;
}

sub VcitaFlow::Code::log_lines { return split /\n/, slurp(VcitaFlow::servroot() . '/logs/login.log') }

# the anchors of docs/errors.md, as they are made of headings
my %Anchor;
for (slurp('docs/errors.md') =~ /^#+ (.+)$/mg) { $Anchor{ lc(s/[^\w -]//gr) =~ tr/ /-/r } = 1 }
sub VcitaFlow::Code::anchor { return $Anchor{ $_[0] } }

add_block_preprocessor(sub {
    my ($block) = @_;
    $block->set_value(log_level => 'info');
    $block->set_value(http_config => $Log . ($block->http_config // ''));
    $block->set_value(gate => VcitaCases::GATE) if !length($block->gate // '');
    $block->set_value(config => VcitaCases::locations()
        . 'location /operator { error_page 403 /page; vcita_oauth on; vcita_oauth_require $vcita_oauth_claim_email nobody; proxy_pass $VCITA_APP; }' . "\n"
        . "location /page { return 403 'theirs'; }\n");
});

run_tests();

__DATA__

=== TEST 1: every code has its anchor, and every page shows its code and request id, by which the jq line answers
--- error_log
vcita
--- flow
my %case = cases();

# none is missing
my %known = map { $_ => 1 } browser()->get('/ping') && do {
    open my $fh, '<', 'src/http/ngx_http_vcita_errors.c' or die $!;
    local $/;
    (<$fh> =~ /_errors\[\] = \{(.*?)^\};/ms)[0] =~ /\{ "(\w+)",/g;
};
is join(' ', grep { !$case{$_} } sort keys %known), '', 'all ' . keys(%known) . ' codes';

for my $code (sort keys %case) {
    my $r = $case{$code}->();
    my ($said) = $r->body =~ m{<small>Code: <bdi><code>([^<]+)</code></bdi></small>};
    is $said, $code, "$code: on the page";
    my ($id) = $r->body =~ m{<small>Request: <bdi><code>(\w{32})</code></bdi></small>};
    ok $id, "$code: the page has the request id" or next;
    wait_for { why($id) } 5, "$code: in the log";
    my $why = why($id);
    my $see = $known{$code} || $code eq 'other' ? $code : 'codes-of-vcitas-own';
    my $status = $r->status;
    like $why, qr/^\S+ 127\.0\.0\.1 \S* GET http:\S+: $status \Q$code\E: \w.*; see docs\/errors\.md#\Q$see\E$/, "$code: the answer";
    is scalar(() = $why =~ /\n/g), 1, "$code: in one line";
    ok anchor($see), "$code: its entry";
}


=== TEST 2: nothing that is for no log is in that one, and every line is JSON
--- error_log
vcita
--- flow
my $b = begun('/deep?token=s3cret-of-the-application');
my $secret = 'c0de-that-is-for-no-log-0123456789';
my $state = $b->res->param('state');
$b->get("/oauth/callback?code=$secret&state=x$state");
$b->get("/oauth/callback?code=$secret&state=$state&error=server_error&error_description=$secret", headers => [ 'User-Agent' => qq{a "b" \\ \x01 \xff} ]);
my $known = $b->callback_url(code => stub_code({ token => { status => 401, json => { error => 'invalid_client', error_description => $secret } } }));
$b->get($known);
browser()->post("/oauth/callback?code=$secret&state=$state", { code => $secret });
browser()->get('/deep?token=s3cret-of-the-application', headers => [ 'X-Requested-With' => 'XMLHttpRequest' ]);
wait_for { log_lines() >= 4 } 5, 'the log';
my $text = join "\n", log_lines();
unlike $text, qr/$_/, "none of them" for $secret, quotemeta $state, 's3cret', quotemeta(($known =~ /code=([^&]+)/)[0]), quotemeta $b->cookie('vcita_session_login');
like why('127.0.0.1'), qr/ 401 : not signed in, .*docs\/errors\.md#answers-without-a-code/, 'a script that is not signed in';
is scalar(() = why('127.0.0.1') =~ /\n/g), scalar(log_lines()), 'each line is read';
like $text, qr/"path":"\/deep"/, 'the path, without the query';


=== TEST 3: by email, sub, address or time; an operator's page; rounds that nobody sees
--- error_log
vcita
--- flow
my $b = browser();
my $r = $b->visit('/other-people');
is $r->status, 403, 'not allowed';
my ($id) = $r->body =~ m{Request: <bdi><code>(\w+)};
wait_for { why($id) } 5, 'the log';
my $line = why($id);
like $line, qr/ alice\@example\.biz GET /, 'the log knows who it is';
is why($_), $line, "by $_" for substr($id, 0, 8), 'alice@example.biz', 'a383717599bf1893', $line =~ /^(\S+)/, substr($line, 0, 13);
is why('bob@example.biz'), '', 'another';
is $b->get('/operator')->body, 'theirs', 'the operator\'s page';
wait_for { why('127.0.0.1') =~ m{/operator: 403 not_allowed} } 5, 'with its path';

is $b->get('/deep')->status, 200, 'who is in is not in this log';
unlike why('127.0.0.1'), qr{/deep}, 'nor is it here';

my $c = begun('/deep');
my $url = $c->callback_url(code => 'x');
$c->clear_cookies;
is $c->get($url)->status, 302, 'starts again';
wait_for { why('127.0.0.1') =~ m{/oauth/callback: 302 state_mismatch} } 5, 'a round that nobody sees';


=== TEST 4: at nginx's default level: who is refused for good has one line, what starts again by itself has none
--- error_log
vcita
--- flow
my $lines = sub { my ($level) = @_; scalar(() = error_log() =~ /^\S+ \S+ \[(?:$level)\]/mg) };
my %case = cases();

# an unmet rule: rules.t; a store that is down has lines of its own, too: store.t, redis.t
delete $case{store_unavailable};

my %level = (access_denied => 'info', rate_limited => 'info', invalid_client => 'crit');
for my $code (sort keys %case) {
    my $level = $level{$code} // 'error';
    my ($at, $shown) = ($lines->($level), $lines->('error|crit|alert|emerg'));
    $case{$code}->();
    cmp_ok $lines->($level), '>', $at, "$code: a line at $level";
    is $lines->('error|crit|alert|emerg'), $shown + ($level eq 'info' ? 0 : 1), "$code: " . ($level eq 'info' ? 'none' : 'one') . ' at error or above';
}

# rounds that nobody sees, and what is no navigation
my %again = (
    state_mismatch => sub { my $b = begun('/deep'); my $url = $b->callback_url(code => 'x'); $b->clear_cookies; $b->get($url) },
    invalid_grant  => sub { begun('/deep')->come_back(code => stub_code({ token => { status => 400, json => { error => 'invalid_grant' } } })) },
);
for my $code (sort keys %again) {
    my $shown = $lines->('error|crit|alert|emerg');
    is $again{$code}->()->status, 302, "$code: starts again";
    like error_log(), qr/\[info\] .*vcita login starts again: $code/, "$code: at info";
    is $lines->('error|crit|alert|emerg'), $shown, "$code: none at error";
}
my $shown = $lines->('error|crit|alert|emerg');
is browser()->post('/deep', {})->status, 401, '401';
is browser()->post('/oauth/callback', {})->status, 405, '405';
is $lines->('error|crit|alert|emerg'), $shown, '401 and 405: none at error';
