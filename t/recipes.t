# The recipes of docs/recipes.md, in exactly the text that the document shows: addresses and folders of this test
# replace its own, and nothing else is changed.

use lib 't/lib';
use VcitaTest;

use IO::Socket::INET ();

my %Recipe = recipes('docs/recipes.md');

# each of them has a block here
my %Tested = map { $_ => 1 } do { open my $fh, '<', __FILE__ or die "$!\n"; map { /^--- recipe: (.*)$/ } <$fh> };
for my $heading (sort keys %Recipe) {
    for my $n (1 .. @{ $Recipe{$heading} }) {
        my $name = $n == 1 ? $heading : "$heading, $n";
        die "no block tests the recipe $name\n" if !$Tested{$name};
    }
}

# heading => its configurations
sub recipes {
    my ($path) = @_;
    open my $fh, '<', $path or die "$path: $!\n";
    my (undef, %part) = split /^## +(.*?) *$/m, join '', <$fh>;
    return map { my $text = $part{$_}; ($_ => [ $text =~ /^```nginx\n(.*?)^```$/msg ]) } grep { $part{$_} =~ /^```nginx/m } keys %part;
}

# `--- recipe: HEADING`, or `HEADING, 2` for the second configuration under it
add_block_preprocessor(sub {
    my ($block) = @_;
    my ($heading, $n) = ($block->recipe // return) =~ /^\s*(.*?)(?:, (\d+))?\s*$/;
    my $text = $Recipe{$heading}[ ($n // 1) - 1 ] // die "docs/recipes.md has no configuration $heading, " . ($n // 1) . "\n";

    $text =~ s{http://127\.0\.0\.1:8000}{\$VCITA_APP}g if !defined $block->upstream;
    $text =~ s{127\.0\.0\.1:(?:8000|50051)}{127.0.0.1:\$TEST_NGINX_RAND_PORT_2}g;
    $text =~ s{/var/[\w/]*/(?=\w)}{html/}g;
    $text =~ s{listen 80\b}{listen \$TEST_NGINX_RAND_PORT_1}g;
    die "$heading: a path is left: $&\n" if $text =~ m{(?<![\w.-])/(?:etc|var|usr)/\S*};

    # a configuration with a server is one of the level http, else it is in the server
    if ($text =~ /^server \{/m) {
        $block->set_value(http_config => ($block->http_config // '') . $text);
        $block->set_value(config => $block->config // '');
        $block->set_value(gate => ($block->gate // '')
            . "vcita_oauth_redirect_uri http://127.0.0.1:\$TEST_NGINX_RAND_PORT_1/oauth/callback;\n");
        $block->set_value(flow => "base('http://127.0.0.1:' . rand_port(1));\n" . $block->flow);
    } else {
        $block->set_value(config => ($block->config // '') . $text);
        $block->set_value(gate => $block->gate // '');
        $block->set_value(flow => "base(url(''));\n" . $block->flow);
    }
});

my $Base;
sub VcitaFlow::Code::base { $Base = $_[0] =~ s{/$}{}r }
sub VcitaFlow::Code::at { return "$Base$_[0]" }

# a header that the application received, or undef
sub VcitaFlow::Code::seen { my ($r, $name) = @_; return { map { lc $_->[0] => $_->[1] } @{ $r->json->{headers} } }->{ lc $name } }

# as a script's fetch sends it
sub VcitaFlow::Code::script { return (headers => [ 'Sec-Fetch-Mode' => 'cors', Accept => '*/*', @_ ]) }

sub VcitaFlow::Code::session { my ($b) = @_; return 'vcita_session=' . $b->cookie('vcita_session') }

run_tests();

__DATA__

=== TEST 1: recipe: an API key or a session
--- recipe: An API key or a session
--- flow
my @key = ('X-Api-Key' => '5a1c0f6e2b7d4983a6e0c1f2d3b4a596');
my $r = browser()->get(at('/api/x'), headers => [ @key, 'X-Api-Client' => 'other', 'X-Forwarded-User' => 'other' ]);
is $r->status, 200, 'a key: in';
is seen($r, 'X-Api-Client'), 'reports', 'as whom';
is seen($r, $_), undef, "no $_" for qw( X-Api-Key X-Forwarded-User );
is join(' | ', $r->header('Cache-Control')), 'private', 'for no shared cache';
is browser()->post(at('/api/x'), { a => 1 }, headers => \@key)->status, 200, 'a POST with a key';
for ([], [ 'X-Api-Key' => 'x' ], [ 'X-Api-Key' => '' ]) {
    is browser()->get(at('/api/x'), headers => [ Accept => 'application/json', @$_ ])->status, 401, "(@$_), a program: 401";
    is browser()->get(at('/api/x'), headers => $_)->status, 302, "(@$_), a person: to vcita";
}
my $b = signed_in(at('/api/x'), { sub => 'one' });
$r = $b->get(at('/api/x'), headers => [ 'X-Forwarded-User' => 'other', 'X-Api-Client' => 'other' ]);
is $r->status, 200, 'a session: in';
is seen($r, 'X-Forwarded-User'), 'one', 'as whom';
is seen($r, 'X-Api-Client'), undef, 'without a key';
is join(' | ', $r->header('Cache-Control')), 'private', 'for no shared cache, once';
is browser()->get(at('/api-key'), headers => \@key)->status, 404, 'the check itself is internal';


=== TEST 2: recipe: CORS preflight, OPTIONS beside a gate
--- recipe: CORS preflight
--- flow
my @ours = (Origin => 'https://app.example.com');
my @preflight = ('Access-Control-Request-Method' => 'PUT', 'Sec-Fetch-Mode' => 'cors');
my $allowed = sub { my ($r) = @_; return join ' ', map { $r->header("Access-Control-Allow-$_") // '-' } qw( Origin Credentials ) };
my $r = browser()->request(OPTIONS => at('/api/x'), headers => [ @ours, @preflight ]);
is $r->status, 204, 'a preflight: 204';
is $allowed->($r), 'https://app.example.com true', 'allowed';
like scalar($r->header('Access-Control-Allow-Methods')), qr/PUT/, 'with methods';
is $r->header('Vary'), 'Origin', 'by its origin';
is_deeply $r->set_cookies, [], 'no cookie';
$r = browser()->request(OPTIONS => at('/api/x'), headers => [ Origin => 'https://other.example.net', @preflight ]);
is $allowed->($r), '- true', 'another origin: not allowed';
is scalar(my @none = stub->app_requests), 0, 'the application was not asked';

$r = browser()->get(at('/api/x'), script(@ours));
is $r->status, 401, 'a call without a session: 401';
is $allowed->($r), 'https://app.example.com true', 'which the script can read';
my $b = signed_in(at('/api/x'), {});
$r = $b->request(PUT => at('/api/x'), script(@ours));
is $r->status, 200, 'a call with a session: in';
is $allowed->($r), 'https://app.example.com true', 'which the script can read';
is join(' | ', $r->header('Cache-Control')), 'private', 'private';
is $allowed->($b->get(at('/api/x'), script(Origin => 'https://other.example.net'))), '- true', 'another origin: not';


=== TEST 3: recipe: health check and ACME challenge beside a gate of the server
--- recipe: Health check and ACME challenge
--- user_files
>>> acme/.well-known/acme-challenge/tok-en_1
tok-en_1.thumbprint
--- flow
my $r = browser()->get(at('/healthz'));
is $r->status, 200, 'a health check';
is $r->body, "ok\n", 'says so';
is join(' | ', $r->header('Cache-Control')), '', 'no session has to do with it';
is browser()->request(HEAD => at('/healthz'))->status, 200, 'by HEAD, too';
is browser()->get(at('/.well-known/acme-challenge/tok-en_1'))->body, "tok-en_1.thumbprint\n", 'the challenge';
is browser()->get(at('/.well-known/acme-challenge/other'))->status, 404, 'another: 404, no login';
is browser()->get(at($_))->status, 302, "$_: to vcita" for qw( / /healthz/ /healthzz /.well-known/ );
is signed_in(at('/'), {})->get(at('/x'))->json->{uri}, '/x', 'with a session: in';
--- error_log
No such file


=== TEST 4: recipe: an anonymous start page with optional
--- recipe: An anonymous start page
--- flow
my $r = browser()->get(at('/'), headers => [ 'X-Forwarded-User' => 'other' ]);
is $r->status, 200, 'the start page, of all';
is seen($r, 'X-Forwarded-User'), undef, 'without a name';
is browser()->get(at('/account'))->status, 302, 'another page: to vcita';
my $b = signed_in(at('/account'), { sub => 'one' });
$r = $b->get(at('/'));
is seen($r, 'X-Forwarded-User'), 'one', 'the start page, with a name';
is join(' | ', $r->header('Cache-Control')), 'private', 'private';
is seen($b->get(at('/account')), 'X-Forwarded-User'), 'one', 'the other page';


=== TEST 5: recipe: proxy_cache for each person
--- recipe: proxy_cache for each person
--- flow
my $n = round();
my ($one, $two) = map { signed_in(at('/reports/'), { sub => $_ }) } qw( one two );
my $conn = sub { my ($b, $path) = @_; my $r = $b->get(at("$path?$n")); return $r->json->{conn} . ' ' . (seen($r, 'X-Forwarded-User') // '-') };
my %first = map { $_->[0] => $conn->($_->[1], '/reports/x') } [ one => $one ], [ two => $two ];
for ([ one => $one ], [ two => $two ]) {
    my ($name, $b) = @$_;
    like $first{$name}, qr/ $name$/, "$name: a report of their own";
    is $conn->($b, '/reports/x'), $first{$name}, "$name: from the cache";
}
isnt $first{one}, $first{two}, 'two reports';
is browser()->get(at("/reports/x?$n"))->status, 302, 'nobody else gets one';

my $page = $conn->($one, '/page');
like $page, qr/ one$/, 'a page of who is signed in';
isnt $conn->($one, '/page'), $page, 'is not stored';
my $open = $conn->(browser(), '/page');
like $open, qr/ -$/, 'an anonymous page';
is $conn->(browser(), '/page'), $open, 'is';
like $conn->($two, '/page'), qr/ two$/, 'and is not for who is signed in';


=== TEST 6: recipe: WebSocket
--- recipe: WebSocket
--- upstream
--- config
location /in { vcita_oauth on; empty_gif; }
--- flow
my $b = signed_in(at('/in'), { sub => 'one' });
my $upstream = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => rand_port(2), Listen => 5, ReuseAddr => 1,
    Timeout => 20) or die "listen: $!\n";
my $read_to = sub { my ($s, $end) = @_; my $got = ''; while ($got !~ $end) { $s->sysread($got, 65536, length $got) or die "closed: $got\n" } return $got };
my $ask = sub {
    my ($cookie) = @_;
    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => port()) or die "connect: $!\n";
    $s->syswrite("GET /ws/x HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-Forwarded-User: other\r\n"
        . "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n$cookie\r\n");
    return $s;
};
like $read_to->($ask->(''), qr/\r\n\r\n/), qr/^HTTP\/1\.1 401 /, 'without a session: 401';

my $client = $ask->('Cookie: ' . session($b) . "\r\n");
my $peer = $upstream->accept or die "no connection to the upstream: $!\n";
my $hello = $read_to->($peer, qr/\r\n\r\n/);
like $hello, qr/^Upgrade: websocket\r$/mi, 'with a session: the handshake';
is_deeply [ $hello =~ /^X-Forwarded-User: (.*?)\r$/mig ], [ 'one' ], 'of whom';
$peer->syswrite("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
like $read_to->($client, qr/\r\n\r\n/), qr/^HTTP\/1\.1 101 /, '101';
$client->syswrite("\x81\x05hello");
is $read_to->($peer, qr/hello/), "\x81\x05hello", 'bytes to the upstream';
$peer->syswrite("\x81\x05world");
is $read_to->($client, qr/world/), "\x81\x05world", 'bytes to the client';


=== TEST 7: recipe: gRPC
--- recipe: gRPC
--- http_config
server {
    listen $TEST_NGINX_RAND_PORT_2 http2;
    location / {
        default_type application/grpc;
        add_header X-Seen $http_x_forwarded_user;
        add_header X-Path $uri;
        add_trailer grpc-status 0;
        return 200 "\0\0\0\0\0";
    }
}
--- config
location /in { vcita_oauth on; empty_gif; }
--- user_files
>>> body
five bytes
--- flow
my $nghttp = (grep { -x } map { "$_/nghttp" } split /:/, $ENV{PATH})[0];
if (!$nghttp) {
    SKIP: { Test::More::skip('no nghttp here', 1) }
    return pass 'nothing to test with';
}
# what it has received, a header a line
my $call = sub {
    my ($url, @more) = @_;
    my @body = grep({ /POST/ } @more) ? '-d ' . servroot() . '/html/body' : ();
    my $said = `$nghttp -nv -t 10 @body @{[ map { "-H '$_'" } @more ]} '$url' 2>&1`;
    return join '', map { "$_\n" } $said =~ /recv \([^)]*\) (:?[\w-]+: [^\e\n]*)/g;
};
my @grpc = (':method: POST', 'content-type: application/grpc', 'te: trailers', 'x-forwarded-user: other');
my @list = (at('/portal.v1.Reports/List'), @grpc);
like $call->(@list), qr/^:status: 401$/m, 'without a session: 401';

# a login begins over HTTP/1.1; the callback is at the port of the recipe, over HTTP/2
my $b = browser();
$b->get(url('/in'));
my $url = $b->callback_url(code => stub->prepare({ userinfo => { set => { sub => 'one' } } }));
my $back = $call->($url, 'cookie: vcita_session_login=' . $b->cookie('vcita_session_login'));
my ($cookie) = $back =~ /^set-cookie: (vcita_session=[^;]+)/m or die "no session: $back\n";

my $answer = $call->(@list, "cookie: $cookie");
like $answer, qr/^:status: 200$/m, 'with a session: in';
like $answer, qr/^x-seen: one$/m, 'as whom';
like $answer, qr{^x-path: /portal\.v1\.Reports/List$}m, 'the method that was called';
like $answer, qr/^grpc-status: 0$/m, 'the trailer, too';
like $answer, qr/^cache-control: private$/m, 'private';


=== TEST 8: recipe: uploads, bodies and a lost session
--- recipe: Uploads
--- flow
my $size = 3_000_000;
is browser()->get(at('/session'), script())->status, 401, 'a script asks first: not signed in';
is browser()->get(at('/session'))->status, 302, 'a person is sent to vcita';

# the body of a lost session is not read: the answer is there before it
my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => port()) or die "connect: $!\n";
$s->syswrite("POST /upload/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: $size\r\nAccept: text/html\r\n\r\n");
my $got = '';
$s->sysread($got, 65536, length $got) or die "closed\n" until $got =~ /<\/html>/;
like $got, qr/^HTTP\/1\.1 401 /, 'without a session: 401, before the body is sent';
like $got, qr/Your request was not processed/, 'the page says what to do';
close $s;
is scalar(my @none = stub->app_requests), 0, 'the application saw nothing of it';

my $b = signed_in(at('/session'), { sub => 'one' });
is $b->get(at('/session'), script())->status, 204, 'signed in';
is join(' | ', $b->res->header('Cache-Control')), 'private', 'which no cache keeps for others';
my $r = $b->request(POST => at('/upload/x'), body => 'x' x $size);
is $r->status, 200, 'a large file: in';
is length $r->json->{body}, $size, 'all of it';


=== TEST 9: recipe: instead of limit_except, everyone reads
--- recipe: Instead of limit_except
--- config
location = /in { vcita_oauth on; empty_gif; }
--- flow
for my $path ('/wiki/page?a=b%2Fc', '/wiki/', '/wiki/a%20b') {
    is browser()->get(at($path))->json->{uri}, $path, "$path: everyone reads";
    is browser()->request(HEAD => at($path))->status, 200, "$path: HEAD";
    is browser()->request($_ => at($path))->status, 401, "$path: $_ without a session: 401" for qw( POST PUT DELETE PATCH OPTIONS );
}
my @asked = stub->app_requests;
is scalar(grep { $_->method !~ /^(?:GET|HEAD)$/ } @asked), 0, 'nothing of it came to the application';
is browser()->get(at('/.write/wiki/page'))->status, 404, 'the way to write is internal';
is browser()->post(at('/.write/wiki/page'), { a => 1 })->status, 404, 'for POST, too';

my $b = signed_in(at('/in'), {});
for my $path ('/wiki/page?a=b%2Fc', '/wiki/a%20b') {
    my $r = $b->post(at($path), { a => 1 });
    is $r->status, 200, "$path: with a session: written";
    is $r->json->{uri}, $path, "$path: at the address that was asked for";
    is $r->json->{body}, 'a=1', "$path: with its body";
}
my $r = browser()->post(at('/wiki/page'), { a => 1 }, headers => [ Accept => 'text/html' ]);
like $r->body, qr/sign in/i, 'a page for a person';


=== TEST 10: recipe: instead of limit_except, a role writes
--- recipe: Instead of limit_except, 2
--- flow
is browser()->get(at('/x'))->status, 302, 'without a session: to vcita';
for ([ staff => 403 ], [ owner => 200 ], [ 'co owner' => 200 ], [ 'owner ' => 403 ], [ '' => 403 ]) {
    my ($role, $status) = @$_;
    my $b = signed_in(at('/x'), { role => $role });
    is $b->get(at('/x'))->status, 200, "\"$role\": reads";
    is $b->request(HEAD => at('/x'))->status, 200, "\"$role\": HEAD";
    is $b->request($_ => at('/x'))->status, $status, "\"$role\": $_" for qw( POST PUT DELETE );
}
--- error_log
is not met


=== TEST 11: recipe: identity from a gated location, by auth_request_set
--- recipe: Identity from a gated location
--- config
location = /in { vcita_oauth on; empty_gif; }
--- flow
my $r = browser()->get(at('/reports/x'), headers => [ 'X-Forwarded-User' => 'other' ]);
is $r->status, 401, 'without a session: 401';
is browser()->get(at('/session'))->status, 404, 'the gate itself is internal';
is scalar(my @none = stub->app_requests), 0, 'the application was not asked';
my ($one, $two) = map { signed_in(at('/in'), { sub => $_ }) } qw( one two );
for ([ one => $one ], [ two => $two ], [ one => $one ]) {
    my ($name, $b) = @$_;
    $r = $b->get(at('/reports/x'), headers => [ 'X-Forwarded-User' => 'other' ]);
    is $r->status, 200, "$name: in";
    is seen($r, 'X-Forwarded-User'), $name, "$name: as whom";
    is join(' | ', $r->header('Cache-Control')), 'private', "$name: private";
}
