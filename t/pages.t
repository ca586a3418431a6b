# The pages: in the visitor's language, complete, small, and good to read; what they show, and the mark of a logout.

use lib 't/lib';
use VcitaTest;
use VcitaCheck;
use VcitaAssertion;
use VcitaCases;

use utf8 ();

repeat_each(1);

sub slurp { local $/; open my $fh, '<', $_[0] or die "$_[0]: $!\n"; return scalar <$fh> }

# the catalogue: {language}{key}, as bytes
my @Languages = qw( en es fr de it pt nl pl he );
my %Text;
for my $language (@Languages) {
    my $source = slurp("src/http/ngx_http_vcita_text_$language.h");
    while ($source =~ /^text\(NGX_HTTP_VCITA_TEXT_(\w+),\s*((?:"[^"]*"\s*)+)\)$/mg) {
        my ($key, $strings) = ($1, $2);
        $Text{$language}{$key} = join '', $strings =~ /"([^"]*)"/g;
    }
}

# the texts that an error code has, by errors.c
my %Keys;
{
    my ($table) = slurp('src/http/ngx_http_vcita_errors.c') =~ /_errors\[\] = \{(.*?)^\};/ms;
    while ($table =~ /\{ "(\w+)",\s*NGX_HTTP_VCITA_TEXT_(\w+),\s*NGX_HTTP_VCITA_TEXT_(\w+),\s*NGX_HTTP_VCITA_TEXT_(\w+) \}/g) {
        $Keys{$1} = [ $2, $3, $4 ];
    }
}

sub VcitaFlow::Code::languages { return @Languages }
sub VcitaFlow::Code::text { my ($language, $key) = @_; return $Text{$language}{$key} // die "no text $language $key\n" }
sub VcitaFlow::Code::keys_of { return $Keys{ $_[0] } }
sub VcitaFlow::Code::codes { return sort keys %Keys }

# what a person reads: the page without its tags, references replaced
sub VcitaFlow::Code::shown {
    my ($body) = @_;
    $body =~ s{<style>.*?</style>}{}s;
    $body =~ s{<title>.*?</title>}{}s;
    $body =~ s{</(?:p|h1)>}{\n}g;
    $body =~ s{<[^>]*>}{}g;
    $body =~ s/&lt;/</g; $body =~ s/&gt;/>/g; $body =~ s/&quot;/"/g; $body =~ s/&#0?39;/'/g; $body =~ s/&amp;/&/g;
    return $body;
}

# every page in each language: lang and dir, its texts, no English, small, well-formed, and no other request
sub VcitaFlow::Code::page_is {
    my ($r, $language, $name, @keys) = @_;
    my $body = $r->body;
    my $dir = $language eq 'he' ? 'rtl' : 'ltr';

    VcitaFlow::like($body, qr{^<!DOCTYPE html>\n<html lang="$language" dir="$dir">\n}, "$name: lang and dir");
    VcitaFlow::ok(utf8::decode(my $copy = $body), "$name: UTF-8");
    VcitaFlow::cmp_ok(length $body, '<', 8192, "$name: under 8 KB");
    VcitaFlow::is($r->header('Content-Security-Policy') =~ s/; frame-ancestors 'none'$//r,
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'", "$name: the policy");
    for my $key (@keys) {
        my $text = quotemeta VcitaFlow::Code::text($language, $key);
        $text =~ s{\\%s}{<bdi><code>[^<]+</code></bdi>};
        VcitaFlow::like($body, qr{>$text<}, "$name: $key");
    }
    VcitaFlow::like($body, qr{<title>\Q${\ VcitaFlow::Code::text($language, $keys[0])}\E - 127\.0\.0\.1</title>}, "$name: the title");
    VcitaFlow::like($body, qr{<p><small><bdi>127\.0\.0\.1</bdi></small></p>\n<h1>}, "$name: the site's name");

    # tags that are closed, in order
    my @open;
    my $bad = '';
    for ($body =~ m{<(/?\w+)[^>]*>}g) {
        next if /^(?:meta|link)$/;
        if (m{^/(.*)}) { $bad ||= $_ if (pop @open // '') ne $1 } else { push @open, $_ }
    }
    VcitaFlow::is($bad . "@open", '', "$name: well-formed");

    return if $language eq 'en';
    my $shown = VcitaFlow::Code::shown($body);
    my @english = grep { my $t = $_; $t =~ s/%s.*//; length $t && $shown =~ /(?:^|\n)\Q$t\E/ } values %{ $Text{en} };
    VcitaFlow::is(join(' | ', @english), '', "$name: no English is left");
}

# a request that ends with each code, in a browser of the language
{
    package VcitaFlow::Code;

    my @accept;
    sub speaks { @accept = @_ ? ('Accept-Language' => $_[0]) : (); }
    sub visitor { return browser(headers => [ Accept => 'text/html', @accept ]) }
    sub sent { my ($path) = @_; my $b = visitor(); $b->get($path); return $b }

    # the answer of one of the cases, in the language
    sub answer {
        my ($case) = @_;
        local %VcitaFlow::BROWSER = (headers => [ Accept => 'text/html', @accept ]);
        return $case->();
    }
}

add_block_preprocessor(sub {
    my ($block) = @_;
    $block->set_value(gate => VcitaCases::GATE) if !length($block->gate // '');
    $block->set_value(config => ($block->config // '') . VcitaCases::locations());
});

run_tests();

__DATA__

=== TEST 1: every code in every language: lang, dir, no English is left, everything escaped, under 8 KB
--- error_log
vcita
--- flow
my %case = cases();

# these take time: all languages at once
delete @case{qw( login_required state_expired server_error )};
my %sentence = (not_allowed => 'SIGNED_IN_AS', session_lost => 'COOKIE_NAME', rate_limited => 'WAIT');
my (%old, %aged);

is join(' ', grep { !$case{$_} } codes()), 'login_required state_expired', 'there is a case of all others';

for my $language (languages()) {
    speaks($language);
    for my $code (sort keys %case) {
        my $r = answer($case{$code});
        my @keys = $code eq 'other' ? qw( REFUSED_TITLE REFUSED TRY_AGAIN ) : @{ keys_of($code) };
        page_is($r, $language, "$code, $language", grep({ $_ ne 'NONE' } @keys), $sentence{$code} // ());
        like $r->body, qr{\Q${\ text($language, 'CODE')}\E <bdi><code>$code</code></bdi>}, "$code, $language: the code";
    }
    $aged{$language} = visitor();
    is $aged{$language}->visit('/recent')->status, 200, "$language: in";
    $old{$language} = sent('/expired');
}

for my $language (languages()) {
    wait_for { $aged{$language}->get('/recent')->status == 302 } 10, 'the session to be too old';
    my $b = $aged{$language};
    page_is($b->come_back(code => stub_code({ id_token => id_token($b, set => { auth_time => 1 }) })), $language, "login_required, $language", @{ keys_of('login_required') });
}

for my $round (1 .. 3) {
    my $end = time + 2;
    wait_for { time > $end } 9, 'the states to be too old';
    for my $language (languages()) {
        my $b = $old{$language};
        $b->set_cookie(expired_login => $b->res->set_cookies->[0] =~ s/^expired_login=([^;]*).*/$1/r);
        my $r = $b->come_back(code => 'x');
        page_is($r, $language, "state_expired, $language", @{ keys_of('state_expired') }) if $round == 3;
    }
}


=== TEST 2: pages without a code in every language: 401, 405, logout
--- error_log
vcita
--- flow
for my $language (languages()) {
    speaks($language);
    page_is(visitor()->post('/deep', {}), $language, "401, $language", qw( UNAUTHORIZED_TITLE UNAUTHORIZED SIGN_IN_TAB ));
    page_is(visitor()->post('/oauth/callback', {}), $language, "405, $language", qw( NO_METHOD_TITLE NO_METHOD START_PAGE ));
    page_is(visitor()->get('/logout', headers => [ 'Sec-Fetch-Site' => 'cross-site' ]), $language, "another site, $language", qw( ASK_SIGN_OUT_TITLE ASK_FOREIGN SIGN_OUT ));
    page_is(visitor()->get('/logout', headers => [ 'Sec-Purpose' => 'prefetch' ]), $language, "a prefetch, $language", qw( ASK_SIGN_OUT_TITLE ASK_CLICK SIGN_OUT ));
    page_is(visitor()->get('/logout'), $language, "signed out, $language", qw( SIGNED_OUT_TITLE SIGNED_OUT SIGN_IN_AGAIN ));
    my $b = visitor();
    $b->set_cookie(store => 'A' x 43);
    page_is($b->get('/store/logout'), $language, "no store, $language", qw( STILL_SIGNED_IN_TITLE STILL_SIGNED_IN SIGN_OUT ));

    # a cookie of another application
    $b = visitor();
    for (1 .. 3) { $b->visit('/deep'); $b->set_cookie(vcita_session => 'another') }
    page_is($b->get('/deep'), $language, "a clash, $language", qw( SESSION_LOST_TITLE LOST_CLASH COOKIE_NAME ));
    is browser()->post('/deep', undef, body => '{}', headers => [ 'Content-Type' => 'application/json', Accept => 'application/json', 'Accept-Language' => $language ])->body,
        "sign in first\n", "a program, $language: its line is English";
}


=== TEST 3: Accept-Language by its weights: q=0, wildcards, regions, iw, ties, garbage, 8 KB
--- flow
my $of = sub { my (@h) = @_; browser()->post('/oauth/callback', {}, headers => [ map { ('Accept-Language' => $_) } @h ])->body =~ /<html lang="(\w+)"/ ? $1 : 'none' };
is $of->(), 'en', 'no header';
for ([ 'de' => 'de' ], [ 'DE' => 'de' ], [ 'de-AT' => 'de' ], [ 'de-Latn-AT' => 'de' ], [ 'pt-BR' => 'pt' ], [ 'he-IL' => 'he' ], [ 'iw' => 'he' ], [ 'iw-IL' => 'he' ],
     [ 'fr;q=0.5, de;q=0.7' => 'de' ], [ 'fr;q=0.5,de;q=0.5' => 'fr' ], [ 'de, fr' => 'de' ], [ 'da, de;q=0.001' => 'de' ], [ 'da, sv' => 'en' ],
     [ 'de;q=0, fr;q=0.1' => 'fr' ], [ 'de;q=0' => 'en' ], [ 'de;q=0.000' => 'en' ], [ 'en;q=0, *;q=0' => 'en' ], [ 'en;q=0, fr;q=0.1' => 'fr' ],
     [ '*' => 'en' ], [ 'da, *;q=0.5' => 'en' ], [ 'de;q=0.4, *;q=0.5' => 'en' ], [ 'de, *;q=0.5' => 'de' ], [ 'en;q=0, *' => 'es' ], [ '*;q=0, pl;q=0.1' => 'pl' ],
     [ 'en;q=0.2, *;q=0.1, nl;q=0.15' => 'en' ], [ 'de-AT;q=0, de;q=0.3' => 'de' ], [ 'de-AT;q=0.9, de;q=0.2, fr;q=0.5' => 'de' ], [ 'en-US, fr;q=0.8, en;q=0.5' => 'en' ], [ 'de;q=0, de;q=0.9, fr;q=0.1' => 'fr' ], [ 'de-AT, de;q=0, fr;q=0.1' => 'fr' ], [ 'de-AT;q=0, *;q=0.1' => 'en' ],
     [ 'de;q=0.2, de;q=0.9, fr;q=0.5' => 'de' ], [ "de\t;\tq=0.1 , it ; q=0.9" => 'it' ], [ 'de;Q=0.1, it;q=0.2' => 'it' ], [ 'fr;q=1.000, de' => 'fr' ], [ ', ,de,,' => 'de' ],
     [ 'de;q=2, it;q=0.1' => 'it' ], [ 'de;q=1.5, it;q=0.1' => 'it' ], [ 'de;q=0.1234, it;q=0.1' => 'it' ], [ 'de;q=-1, it;q=0.1' => 'it' ], [ 'de;q=, it;q=0.1' => 'it' ], [ 'de;, it;q=0.1' => 'it' ],
     [ 'de;x=1, it;q=0.1' => 'it' ], [ 'd' => 'en' ], [ 'deu' => 'en' ], [ 'de_DE' => 'en' ], [ 'd<script>' => 'en' ], [ '-de' => 'en' ], [ "\xd7\xa2" => 'en' ], [ ';q=1' => 'en' ], [ 'q=0.9' => 'en' ],
     [ '*-de' => 'en' ], [ join(',', ('xx') x 2600) . ',de' => 'de' ], [ 'de,' . ',' x 8000 => 'de' ], [ 'x' x 8000 => 'en' ], [ 'de;q=0.' . '0' x 8000 => 'en' ])
{
    my ($header, $language) = @$_;
    is $of->($header), $language, length $header > 60 ? length($header) . " bytes: $language" : "$header: $language";
}
is $of->('da, fr;q=0.5', 'de;q=0.7'), 'de', 'two headers: the better one';
is $of->('fr', 'de'), 'fr', 'two headers, alike: the first one';


=== TEST 4: the site's name and the account are escaped or left out: no Host header and no claim writes into a page
--- error_log
vcita
--- flow
my $raw = sub { my ($host) = @_; browser()->raw('127.0.0.1', port, "POST /oauth/callback HTTP/1.1\r\nHost: $host\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")->body };
for ([ 'portal.example.com' => 'portal.example.com' ], [ 'PORTAL.example.com:8443' => 'portal.example.com' ], [ '[::1]:80' => '[::1]' ], [ 'xn--bcher-kva.example' => 'xn--bcher-kva.example' ],
     [ 'a<script>.example' => '' ], [ 'a"b' => '' ], [ "a'b" => '' ], [ 'a&b' => '' ], [ 'a(b)' => '' ], [ "\xd7\xa9.example" => '' ], [ 'a' x 254 => '' ], [ 'a.' x 126 . 'a' => 'a.' x 126 . 'a' ])
{
    my ($host, $shown) = @$_;
    my $body = $raw->($host);
    my $title = text('en', 'NO_METHOD_TITLE') . (length $shown ? " - $shown" : '');
    like $body, qr{<title>\Q$title\E</title>}, substr($host, 0, 30) . ': the title';
    my ($line) = $body =~ m{<main>\n<p><small><bdi>(.*?)</bdi></small></p>};
    is $line // '', $shown, substr($host, 0, 30) . ': above the text';
    unlike $body, qr/<script/, substr($host, 0, 30) . ': no script';
}

speaks('he');
my $b = visitor();
stub->next({ userinfo => { set => { email => q{<b onclick="x">&'@example.biz} } }, token => { id_token => 0 } });
my $r = $b->visit('/other-people');
is $r->status, 403, 'not allowed';
like $r->body, qr{<bdi><code>&lt;b onclick=&quot;x&quot;&gt;&amp;'\@example\.biz</code></bdi>}, 'the account, escaped and isolated';


=== TEST 5: a person can report what happened: time of day, a reference of 8 characters, the code; the queue says how long; a lost cookie has its name
--- error_log
vcita
--- flow
speaks('en');
my %case = cases();
my $r = $case{rate_limited}->();
is $r->status, 503, 'the queue';
my $wait = $r->header('Retry-After');
my $minutes = int(($wait + 59) / 60);
like $r->body, qr{<p>Estimated wait: <bdi><code>$minutes</code></bdi> min</p>}, 'how long, in minutes';
like $r->body, qr{<meta http-equiv="refresh" content="$wait; url=http://127}, 'and it comes again automatically';

my ($id) = $r->body =~ m{Request: <bdi><code>(\w{32})<};
like $r->body, qr{Reference: <bdi><code>${\ substr($id, 0, 8) }</code></bdi>}, 'a short reference';
my ($time) = $r->body =~ m{Time: <bdi><code>(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC)</code></bdi>};
my @t = gmtime;
ok $time, 'the time' and cmp_ok abs((split /[: ]/, $time)[1] * 60 + (split /[: ]/, $time)[2] - $t[2] * 60 - $t[1]) % 1439, '<=', 2, 'of day, of UTC';

like $case{session_lost}->()->body, qr{<p>The cookie is called <bdi><code>vcita_session</code></bdi>\.</p>}, 'the cookie in a sentence';
like $case{not_allowed}->()->body, qr{<p>You are signed in as <bdi><code>alice\@example\.biz</code></bdi>\.</p>}, 'the account in a sentence';


=== TEST 6: the ring of the focus has a contrast of 3:1 with the page and with a button, light and dark; texts have 4.5:1
--- flow
my $body = browser()->post('/oauth/callback', {})->body;
my ($light, $dark) = $body =~ m{<style>\n(.*?)\@media \(prefers-color-scheme: dark\) \{\n(.*?)\n\}\n</style>}s or die 'no style';
my $luminance = sub {
    my ($color) = @_;
    $color =~ s/^#(.)(.)(.)$/#$1$1$2$2$3$3/;
    my @c = map { my $c = hex($_) / 255; $c <= 0.03928 ? $c / 12.92 : (($c + 0.055) / 1.055) ** 2.4 } $color =~ /^#(..)(..)(..)$/ or die "$color?";
    return 0.2126 * $c[0] + 0.7152 * $c[1] + 0.0722 * $c[2];
};
my $contrast = sub { my ($x, $y) = sort { $b <=> $a } map { $luminance->($_) } @_; ($x + 0.05) / ($y + 0.05) };
my $one = sub { my ($css, $rule, $name) = @_; $css =~ /^\Q$rule\E \{(.*?)\}/ms && $1 =~ /(?<![\w-])\Q$name\E: (?:3px solid )?(#\w+)/ ? $1 : undef };
for ([ light => $light, $light ], [ dark => $dark, $light ]) {
    my ($scheme, $css, $base) = @$_;
    my ($page, $text) = map { $one->($css, 'body', $_) } qw( background color );
    my $button = $one->($css, 'a, button', 'background');
    my $label = $one->($css, 'a, button', 'color') // $one->($base, 'a, button', 'color');
    my $small = $one->($css, 'small', 'color');
    my $ring = $one->($css, ':focus-visible', 'outline-color') // $one->($css, ':focus-visible', 'outline');
    cmp_ok $contrast->($ring, $page), '>=', 3, "$scheme: ring and page";
    cmp_ok $contrast->($ring, $button), '>=', 3, "$scheme: ring and button";
    cmp_ok $contrast->(@$_), '>=', 4.5, "$scheme: @$_" for [ $text, $page ], [ $label, $button ], [ $small, $page ];
}
unlike $body, qr{<link|data:}, 'no icon, which the policy would forbid with an error on the console';


=== TEST 7: after a logout the next login asks who it is, once: prompt=login until a login has finished
--- gate
vcita_oauth_authorize_args prompt=consent;
--- config
location = /out { vcita_oauth_logout https://www.example.com/; }
--- flow
my $prompt = sub { join ',', $_[0]->param('prompt') };
for my $out ('/logout', '/out') {
    my $b = browser();
    $b->get('/deep');
    is $prompt->($b->res), 'consent', "$out: a first login is the operator's";
    is $b->follow->status, 200, "$out: in";
    my $old = $b->cookie('vcita_session_login');

    my $r = $b->get($out);
    is $r->status, $out eq '/out' ? 303 : 200, "$out: signed out";
    my $cookie = $b->cookie('vcita_session_login');
    like $cookie, qr/^[\w-]{43}\.1\.0$/, "$out: the mark";
    isnt substr($cookie, 0, 43), substr($old, 0, 43), "$out: nothing of the old cookie is kept";

    # a login that is not finished keeps it, in each tab
    for (1 .. 2) {
        $r = $b->tab->get('/deep');
        is $prompt->($r), 'login', "$out: vcita asks, $_";
        is $b->cookie('vcita_session_login'), $cookie, "$out: still marked, $_";
    }
    $r = $b->get('/deep');
    $b->come_back(error => 'access_denied');
    is $prompt->($b->get('/deep')), 'login', "$out: and after a login that has failed";

    is $b->follow->status, 200, "$out: in again";
    unlike $b->cookie('vcita_session_login'), qr/\.1\.0$/, "$out: the mark is gone";
    $b->delete_cookie('vcita_session');
    is $prompt->($b->get('/deep')), 'consent', "$out: once";
}

# a mark that is made up leads to vcita's question, not round and round
my $b = browser();
$b->set_cookie(vcita_session_login => 'A' x 43 . '.1.0');
is $prompt->($b->get('/deep')), 'login', 'a made-up mark';
is $b->follow->status, 200, 'in, in one round';
for my $bad ('.1.0', 'A' x 43 . '.1.00', 'A' x 43 . '.0.0', 'A' x 42 . '.1.0') {
    $b = browser();
    $b->set_cookie(vcita_session_login => $bad);
    is $prompt->($b->get('/deep')), 'consent', "no mark: $bad";
    is $b->follow->status, 200, "in: $bad";
}


=== TEST 8: the signed-out page offers to sign in again: at vcita, which asks who it is, and back to this site alone
--- flow
my $b = browser();
is $b->visit('/deep')->status, 200, 'in';
for my $headers ([], [ Referer => 'https://evil.example/x' ], [ Host => '127.0.0.1:' . port, 'X-Forwarded-Host' => 'evil.example' ]) {
    my $r = $b->get('/logout?next=https://evil.example/&return_uri=//evil.example', headers => $headers);
    my ($href) = $r->body =~ m{<a href="([^"]*)" rel="noreferrer">Sign in again</a>};
    ok $href, 'the link' or next;
    unlike $r->body, qr/evil/, 'nothing of the request is in the page';
    $href =~ s/&amp;/&/g;
    like $href, qr{/app/oauth/authorize\?.*&prompt=login(?:&|$)}, 'vcita asks who it is';
    $r = $b->get($href);
    $r = $b->hop;
    is $r->status, 303, 'the callback';
    is $r->location, url('/'), 'the start page of this site';
    is $b->follow->status, 200, 'in';
}


=== TEST 9: the link of a signed-out page that was open for longer than vcita_oauth_login_timeout; the mark is not renewed
--- gate
vcita_oauth_login_timeout 2s;
vcita_oauth_authorize_args prompt=consent;
--- flow
my $b = browser();
is $b->visit('/deep')->status, 200, 'in';
my ($href) = $b->get('/logout')->body =~ m{<a href="([^"]*)" rel="noreferrer">Sign in again</a>};
$href =~ s/&amp;/&/g;
is_deeply $b->get('/deep')->set_cookies, [], 'a redirect does not renew the cookie of the mark';

my $begun = time;
wait_for { time > $begun + 3 } 10, 'the link to be old';
my $other = browser();
$other->get($href);
my $r = $other->hop;
is $r->header('X-Error'), 'state_mismatch', 'it is of no use to another browser';

$b->get($href);
$r = $b->hop;
is $r->status, 303, 'one answer at vcita is enough';
is $b->follow->status, 200, 'in';

# an old state of a browser without the mark begins anew
my $plain = begun('/deep');
my ($late, $login) = ($plain->callback_url(code => stub_code), $plain->cookie('vcita_session_login'));
my $since = time;
wait_for { time > $since + 3 } 10, 'the state to be old';
$plain->set_cookie(vcita_session_login => $login);
is $plain->get($late)->header('X-Error'), 'state_expired', 'without a mark';
