# Every page of the module as people see it, through a real browser: at a desk and on a phone, in light and dark, in three
# languages, with the keyboard alone and without JavaScript.  Pages are answers of nginx; Chromium gets them as they came.

use lib 't/lib';

# thirty pages in four looks take a minute of CPU a language, and Chromium may have to share it
BEGIN { $ENV{VCITA_TEST_LIMIT} ||= 600 }

use VcitaChromium;
use VcitaTest;
use VcitaCheck;
use VcitaAssertion;
use VcitaCases;

repeat_each(1);

my %HOW = (sizes => [ [ 1280, 800 ], [ 360, 640 ] ], schemes => [qw( light dark )]);

# a page that tries again by itself is what people wait at; axe-core finds fault with any such page
my %MAY = (rate_limited => qr/: axe: meta-refresh: /);

# axe-core needs JavaScript, the pages do not
sub VcitaFlow::Code::reader { VcitaFlow::Code::chromium()->page }
sub VcitaFlow::Code::plain  { VcitaFlow::Code::chromium()->page(javaScriptEnabled => \0) }

# what is wrong with a page, in each size and color scheme, and how much was looked at
sub VcitaFlow::Code::look {
    my ($r, $reader, $plain) = @_;
    $_->show('https://portal.example.com/', $r) for grep { defined } $reader, $plain;
    my ($legible, $reachable) = ($reader->legible(%HOW), ($plain // $reader)->reachable(%HOW));
    return { %$legible, %$reachable, wrong => [ map { @{ $_->{wrong} } } $legible, $reachable ] };
}

# one page
sub VcitaFlow::Code::good_page {
    my ($name, $language, $r, @readers) = @_;
    my $may = $MAY{$name} // qr/^\z/;

    VcitaFlow::like(scalar $r->header('Content-Type'), qr{^text/html}, "$name: a page");
    VcitaFlow::like($r->body, qr/^<html lang="$language"/m, "$name: in its language");
    my $found = VcitaFlow::Code::look($r, @readers);
    VcitaFlow::is(join("\n", grep { !/$may/ } @{ $found->{wrong} }), '', "$name: nothing is wrong");
    VcitaFlow::cmp_ok($found->{passes}, '>=', 10, "$name: axe-core looked");
    VcitaFlow::is($found->{stops}, scalar(() = $r->body =~ /<(?:a|button)\b/g), "$name: Tab was tried at each link");
}

# all of them, in one language
sub VcitaFlow::Code::good_pages {
    my ($language, @readers) = @_;
    local %VcitaFlow::BROWSER = (headers => [ 'Accept-Language' => $language ]);
    my %page = (VcitaFlow::Code::cases(), VcitaFlow::Code::other_pages());
    VcitaFlow::Code::good_page($_, $language, $page{$_}->(), @readers) for sort keys %page;
}

add_block_preprocessor(sub {
    my ($block) = @_;
    $block->set_value(gate => VcitaCases::GATE) if !defined $block->gate;
    $block->set_value(config => VcitaCases::locations());
    $block->set_value(error_log => 'vcita') if !defined $block->error_log;
    $block->set_value(flow => 'chromium->nobody; ' . $block->flow);
});

run_tests();

__DATA__

=== TEST 1: every page in English, without JavaScript, too: axe-core finds nothing, nothing scrolls sideways, Tab shows where it is
--- flow
good_pages('en', reader(), plain());


=== TEST 2: every page in Hebrew: axe-core finds nothing, nothing scrolls sideways, Tab shows where it is
--- flow
good_pages('he', reader());


=== TEST 3: every page in German: axe-core finds nothing, nothing scrolls sideways, Tab shows where it is
--- flow
good_pages('de', reader());


=== TEST 4: a page that is bad in each of these ways does not pass
--- flow
my $r = browser()->get('/oauth/callback?code=x&state=made-up');
my $reader = reader();
my $finds = sub {
    my ($what, $change) = @_;
    my $before = $r->{body};
    my $body = $before;
    for ($body) { $change->() }
    isnt $body, $before, "$what: another page";
    $r->{body} = $body;
    my $found = look($r, $reader);
    $r->{body} = $before;
    return join "\n", @{ $found->{wrong} };
};
my $css = sub { my ($rule) = @_; sub { s{</style>}{$rule</style>} } };

my $wrong = $finds->('wide' => $css->('h1 { width: 500px; }'));
like $wrong, qr/^360 px, light: it scrolls sideways, by \d+ px$/m, 'wider than a phone';
unlike $wrong, qr/^1280 px, \w+: it scrolls/m, 'not wider than a desk';

$wrong = $finds->('faint' => $css->('@media (prefers-color-scheme: dark) { p { color: #333; } }'));
like $wrong, qr/^360 px, dark: axe: color-contrast: /m, 'faint in the dark';
unlike $wrong, qr/light: axe/, 'not in the light';

my $link = qr/^1280 px, light: focus shows in \d+ of \d+ px: <a /m;
like $finds->('no ring' => $css->(':focus-visible { outline: none !important; box-shadow: none !important; }')), $link, 'no ring';
like $finds->('a thin ring' => $css->(':focus-visible { outline: 1px solid !important; box-shadow: none !important; }')), $link, 'a thin ring';
$wrong = $finds->('a white ring' => $css->(':focus-visible { outline: 3px solid #fff !important; box-shadow: none !important; }'));
like $wrong, $link, 'white on white';
unlike $wrong, qr/dark: focus/, 'but seen in the dark';

like $finds->('no Tab' => sub { s/<a /<a tabindex="-1" / }), qr/^Tab reaches 0 of 1$/m, 'a link that Tab does not reach';


=== TEST 5: the page of the queue, with the wait in it, in each of these languages
--- gate
vcita_oauth_rate 1r/m;
vcita_oauth_userinfo off;
--- flow
is browser()->visit('/')->status, 200, 'the first one is in';

# all of them at once: a turn that is near is waited for
my @languages = qw( en he de );
my %page = map { $_ => begun('/', headers => [ 'Accept-Language' => $_ ])->come_back(code => stub_code) } @languages;
for (@languages) {
    is $page{$_}->status, 503, "$_: behind the first one";
    like $page{$_}->body, qr{<bdi><code>\d+</code></bdi>}, "$_: with the wait";
    good_page('rate_limited', $_, $page{$_}, reader());
}
--- error_log
vcita_oauth_rate has no free slot for this login
