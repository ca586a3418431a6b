# The gate among nginx's own modules: limits, passwords, auth_request, headers, compression, ranges, uploads,
# WebSocket, HTTP/2, caches, connections that several users share.  The first half of it is interplay.t.

use lib 't/lib';
use VcitaTest;

use Digest::MD5 ();
use IO::Socket::INET ();
use IO::Uncompress::Gunzip ();
use VcitaHttp ();


# name => value of an echoed request's headers
sub VcitaFlow::Code::seen {
    my ($r) = @_;
    return { map { lc $_->[0] => $_->[1] } @{ $r->json->{headers} } };
}


# a header's values, in order, as one text
sub VcitaFlow::Code::all { my ($r, $name) = @_; return join ' | ', $r->header($name) }


sub VcitaFlow::Code::session { my ($b) = @_; return 'Cookie: vcita_session=' . $b->cookie('vcita_session') . "\r\n" }


# One connection that stays open: $say->($bytes) gives the next answer.  All time limits are the flow's.
sub VcitaFlow::Code::connection {
    my ($port) = @_;
    my $sock = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port, Proto => 'tcp') or die "connect: $!\n";
    my $in = '';
    my $say = sub {
        my ($bytes) = @_;
        $sock->syswrite($bytes) == length $bytes or die "write: $!\n";
        while (1) {
            my $m = length $in ? VcitaHttp::read_message(\$in, 'answer') : undef;
            return $m if ref $m;
            die "$m\n" if defined $m;
            $sock->sysread($in, 65536, length $in) or die "the connection was closed\n";
        }
    };
    return ($say, $sock);
}


# What curl prints.  It is told of groups of options and an address, which it asks for all at once, over one
# connection where they are at the same host.
sub VcitaFlow::Code::curl {
    my ($version, @group) = @_;
    my @arg = ('--parallel', '--parallel-max', 100);
    for (@group) {
        push @arg, '--next' if $_ != $group[0];
        push @arg, $version, '--ipv4', '--silent', '--show-error', '--max-time', 60, '--cacert', VcitaFlow::ca(), @$_;
    }
    open my $out, '-|', 'curl', @arg or die "curl: $!\n";
    local $/;
    my $text = <$out>;
    close $out or die "curl ended with " . ($? >> 8) . "\n";
    return $text;
}


# for each group a line: version, status, address; sorted
sub VcitaFlow::Code::streams {
    my ($version, @group) = @_;
    my @print = ('--write-out', '%{http_version} %{http_code} %{url_effective}\n', '--output', '/dev/null');
    return [ sort split /\n/, VcitaFlow::Code::curl($version, map { [ @print, @$_ ] } @group) ];
}

sub VcitaFlow::Code::curl_has_http2 { return `curl --version 2>/dev/null` =~ /^Features:.*\bHTTP2\b/m }

# nginx has HTTP/3 since 1.25, where it was built with it
add_block_preprocessor(sub {
    my ($block) = @_;
    return if $block->name !~ m{HTTP/3} || `$ENV{TEST_NGINX_BINARY} -V 2>&1` =~ /http_v3_module/
        && `curl --version 2>/dev/null` =~ /^Features:.*\bHTTP3\b/m;
    $block->set_value(http_config => '');
    $block->set_value(flow => "pass 'this nginx, or this curl, has no HTTP/3';");
});

# for `upstream`, which wants an address
add_block_preprocessor(sub {
    my ($block) = @_;
    my $text = $block->http_config;
    $block->set_value(http_config => $text =~ s{\$APP_ADDRESS}{VcitaTest::stub()->app_url =~ s!^http://!!r}er) if defined $text;
});

run_tests();

__DATA__

=== TEST 1: limit_conn applies to the callback: one more is 503, and neither a login nor an exchange
--- gate
--- http_config
limit_conn_zone $server_name zone=callbacks:1m;
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location = /oauth/callback { limit_conn callbacks 1; }
--- error_log
limiting connections by zone
--- flow
my ($one, $two) = (browser(), browser());
$_->get('/a') for $one, $two;
my $crowd = crowd();
$crowd->add($one, GET => $one->callback_url(code => stub_code({ token => { hold => 1 } })));
$crowd->start;
$crowd->until(sub { stub->exchanges }, 10, 'the exchange');

my $to = $two->callback_url(code => stub_code({}));
my $r = $two->get($to);
is $r->status, 503, 'the second at the same time';
is $r->location, undef, 'no redirect';
is_deeply $r->set_cookies, [], 'no cookie';
is scalar(my @t = stub->requests('/oauth/token')), 1, 'no exchange';

stub->release;
($r) = $crowd->finish;
is $r->status, 303, 'the first is in';
is $two->get($to)->status, 303, 'then the second, with the code that it had';
is $two->hop->status, 200, 'in';

# a browser that goes away gives its place back
my $b = browser();
$b->get('/a');
$crowd = crowd();
$crowd->add($b, GET => $b->callback_url(code => stub_code({ token => { hold => 1 } })));
$crowd->start;
$crowd->until(sub { stub->exchanges }, 10, 'the exchange');
$crowd->abort_all(reset => 1);
wait_for { stub->exchanges == 0 } 10, 'the exchange to end';
$b->get('/a');
is $b->come_back(code => stub_code({}))->status, 303, 'the place is free';


=== TEST 2: limit_req of the gated location itself comes first; limit_conn of one
--- gate
--- http_config
limit_req_zone $server_name zone=all:1m rate=1r/m;
limit_conn_zone $server_name zone=one:1m;
limit_req_status 429;
--- config
location /req { limit_req zone=all; vcita_oauth on; error_page 429 /limited; proxy_pass $VCITA_APP; }
location = /limited { return 200 "slower, please\n"; }
location /conn { limit_conn one 1; vcita_oauth on; proxy_pass $VCITA_APP; }
--- error_log
limiting requests
--- flow
is browser()->get('/req')->status, 302, 'the first: to vcita' if round() == 0;
my $b = browser();
my $r = $b->get('/req');
is $r->status, 429, 'limited before the gate looks';
is $r->location, undef, 'no login';
is_deeply $r->set_cookies, [], 'none is begun';
is $r->body, "slower, please\n", 'the page of the operator';
is $b->visit('/conn')->status, 200, 'one connection after the other';


=== TEST 3: auth_basic with "satisfy all": the password first, then the gate; one challenge at a time
--- gate
--- config
satisfy all;
auth_basic closed;
auth_basic_user_file ../html/users;
location / { vcita_oauth on; proxy_set_header X-Mail $vcita_oauth_claim_email; proxy_pass $VCITA_APP; }
location /any { satisfy any; vcita_oauth on; proxy_pass $VCITA_APP; }
--- user_files
>>> users
bob:{PLAIN}pass
--- error_log
password mismatch
--- flow
my ($right, $wrong) = map { [ Authorization => "Basic $_" ] } qw( Ym9iOnBhc3M= Ym9iOndyb25n );
my @program = (Accept => 'application/json');
my $b = browser();

for ([ 'no password', [] ], [ 'a wrong one', $wrong ], [ 'a program', [@program] ], [ 'a program with a wrong one', [ @$wrong, @program ] ]) {
    my ($name, $headers) = @$_;
    my $r = $b->get('/', headers => $headers);
    is $r->status, 401, "$name: 401";
    is all($r, 'WWW-Authenticate'), 'Basic realm="closed"', "$name: the password's challenge alone";
    is_deeply $r->set_cookies, [], "$name: no login is begun";
}
my $r = $b->get('/', headers => [ @$right, @program ]);
is $r->status, 401, 'a program with the password';
is all($r, 'WWW-Authenticate'), 'Bearer realm="vcita"', "a program with the password: the gate's challenge alone";
$r = $b->get('/', headers => $right);
is $r->status, 302, 'with the password: to vcita';
is all($r, 'WWW-Authenticate'), '', 'no challenge';

is $b->come_back(code => stub_code({}))->status, 401, 'the callback, too, wants the password';
is scalar(my @t = stub->requests('/oauth/token')), 0, 'no exchange';
$b = browser();
$b->headers(@$right);
is $b->visit('/')->status, 200, 'in with both';
is seen($b->res)->{'x-mail'}, 'alice@example.biz', 'who it is';
my @alone = (headers => [ Authorization => undef ]);
$r = $b->get('/', @alone);
is $r->status, 401, 'a session alone';
is all($r, 'WWW-Authenticate'), 'Basic realm="closed"', "a session alone: the password's challenge";
is $b->get('/any', @alone)->status, 200, 'a session alone, where any is enough';


=== TEST 4: auth_basic with "satisfy any" in the whole server: a login without a password, a password without a login
--- gate
--- config
satisfy any;
auth_basic closed;
auth_basic_user_file ../html/users;
vcita_oauth on;
add_header X-Error "[$vcita_oauth_error]" always;
location / { proxy_set_header X-Auth "[$vcita_oauth_authenticated]"; proxy_pass $VCITA_APP; }
location /deny { deny all; proxy_pass $VCITA_APP; }
location /rule { vcita_oauth_require $vcita_oauth_claim_type nobody; proxy_pass $VCITA_APP; }
--- user_files
>>> users
bob:{PLAIN}pass
--- error_log
password mismatch
--- flow
my ($right, $wrong) = map { [ Authorization => "Basic $_" ] } qw( Ym9iOnBhc3M= Ym9iOndyb25n );
my @program = (Accept => 'application/json');
my $b = browser();
for my $path (qw( / /deny )) {
    for ([ 'no password', [] ], [ 'a wrong one', $wrong ]) {
        my ($name, $headers) = @$_;
        my $r = $b->get($path, headers => $headers);
        is $r->status, 302, "$path, $name: to vcita";
        is all($r, 'WWW-Authenticate'), '', "$path, $name: no challenge";
        $r = $b->get($path, headers => [ @$headers, @program ]);
        is $r->status, 401, "$path, $name, a program: 401";
        is join(' | ', sort my @c = $r->header('WWW-Authenticate')), 'Basic realm="closed" | Bearer realm="vcita"',
            "$path, $name, a program: both ways in";
        is $r->header('Cache-Control'), 'no-store', "$path, $name, a program: not to be stored";
    }
    my $r = $b->get($path, headers => $right);
    is $r->status, 200, "$path, the password: in";
    is all($r, 'Set-Cookie'), '', "$path, the password: no login";
}
is seen($b->get('/', headers => $right))->{'x-auth'}, '[]', 'who came by a password is nobody of vcita';
is $b->visit('/')->status, 200, 'a login without a password';
is seen($b->res)->{'x-auth'}, '[1]', 'is one';
is $b->get('/', headers => $wrong)->status, 200, 'a wrong password beside a session does no harm';
my $r = $b->get('/rule');
is $r->status, 403, 'rules are unmet: 403';
is $r->header('X-Error'), '[not_allowed]', 'with its code';
is $b->get('/rule', headers => $right)->status, 200, 'rules are unmet, but a password is enough';


=== TEST 5: auth_request beside the gate: it comes first; its refusal is no login, its challenge is passed on
--- gate
--- http_config
server { listen $TEST_NGINX_RAND_PORT_1; location / { auth_basic own; auth_basic_user_file ../html/users; } }
--- config
location /all/yes { vcita_oauth on; auth_request /yes; proxy_set_header X-Mail $vcita_oauth_claim_email; proxy_pass $VCITA_APP; }
location /all/no { vcita_oauth on; auth_request /no; proxy_pass $VCITA_APP; }
location /all/who { vcita_oauth on; auth_request /who; proxy_pass $VCITA_APP; }
location /any/yes { satisfy any; vcita_oauth on; auth_request /yes; proxy_pass $VCITA_APP; }
location /any/no { satisfy any; vcita_oauth on; auth_request /no; proxy_pass $VCITA_APP; }
location /any/who { satisfy any; vcita_oauth on; auth_request /who; proxy_pass $VCITA_APP; }
location = /yes { internal; proxy_pass $VCITA_APP; proxy_pass_request_body off; proxy_set_header Content-Length ""; }
location = /no { internal; return 403; }
location = /who { internal; proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1; proxy_pass_request_body off; proxy_set_header Content-Length ""; }
location = /oauth/callback { auth_request /yes; }
--- user_files
>>> users
bob:{PLAIN}pass
--- flow
my @program = (headers => [ Accept => 'application/json' ]);
my $b = browser();
my @path = qw( /all/yes /all/no /all/who /any/yes /any/no /any/who );
is_deeply [ map { $b->get($_)->status } @path ], [ 302, 403, 401, 200, 302, 302 ], "a navigation: @path";
is_deeply [ map { $b->get($_, @program)->status } @path ], [ 401, 403, 401, 200, 401, 401 ], "a program: @path";

my $r = $b->get('/all/who');
is all($r, 'WWW-Authenticate'), 'Basic realm="own"', 'its challenge';
is_deeply $r->set_cookies, [], 'no login';
is all($b->get('/any/who'), 'WWW-Authenticate'), '', 'a redirect has no challenge';
is join(' | ', sort my @c = $b->get('/any/who', @program)->header('WWW-Authenticate')), 'Basic realm="own" | Bearer realm="vcita"', 'both ways in';
is $b->post('/all/yes', { a => 1 })->status, 401, 'a form, without a session';

stub->reset;
$b->set_cookie(mine => 1);
is $b->visit('/all/yes?a')->status, 200, 'in';
is seen($b->res)->{'x-mail'}, 'alice@example.biz', 'who it is';
my @asked = grep { $_->path =~ /^\/yes/ } stub->app_requests;
cmp_ok scalar(@asked), '>=', 3, 'it was asked for the page, the callback and the page';
is_deeply [ grep { defined && $_ ne 'mine=1' } map { scalar $_->header('Cookie') } @asked ], [], 'and saw no cookie of ours';
is_deeply [ map { $b->get($_)->status } @path ], [ 200, 403, 401, 200, 200, 200 ], "with a session: @path";


=== TEST 6: add_header, and with "always", on the module's own answers; expires
--- gate
--- config
add_header X-Some some;
add_header X-Always always always;
add_header X-Mail "[$vcita_oauth_claim_email]" always;
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location /own { vcita_oauth on; add_header X-Own own always; add_header Set-Cookie operator=1; proxy_pass $VCITA_APP; }
location /expires { vcita_oauth on; expires 1h; proxy_pass $VCITA_APP; }
location /security {
    vcita_oauth on; vcita_oauth_require $vcita_oauth_claim_type nobody;
    add_header Content-Security-Policy "frame-ancestors 'none'" always; proxy_pass $VCITA_APP;
}
location = /logout { vcita_oauth_logout; }
--- flow
my $b = browser();
my $headers = sub { my ($r) = @_; join ' ', map { $r->header($_) // '-' } qw( X-Some X-Always X-Mail ) };
my $r = $b->get('/');
is $headers->($r), 'some always []', 'the 302';
is $headers->($b->post('/', { a => 1 })), '- always []', 'the 401 of a person';
is $headers->($b->get('/', headers => [ Accept => 'application/json' ])), '- always []', 'the 401 of a program';
is $headers->($b->get('/oauth/callback?state=x')), '- always []', 'the 400 of the callback';
$b->get('/');
is $headers->($b->come_back(code => stub_code({}))), 'some always []', "the callback's 303";
is $headers->($b->hop), 'some always [alice@example.biz]', 'the 200';
is $headers->($b->get('/logout')), 'some always []', 'the signed-out page';

$b = browser();
$r = $b->get('/own');
is_deeply [ map { $r->header($_) } qw( X-Some X-Own ) ], [ 'own' ], "a location's own replace the server's, as ever";
is_deeply [ map { /^([^=]*)/ } @{ $r->set_cookies } ], [ 'vcita_session_login', 'operator' ], 'Set-Cookie of both';

$r = $b->get('/expires');
is $r->status, 302, 'under expires: the 302';
like all($r, 'Cache-Control'), qr/\bno-store\b/, 'under expires: not to be stored';
is $b->visit('/expires')->status, 200, 'under expires: in';
is all($b->res, 'Cache-Control'), 'private | max-age=3600', "under expires: the page is the operator's, and private";

$r = $b->get('/security');
is $r->status, 403, 'rules are unmet';
is_deeply [ sort my @c = $r->header('Content-Security-Policy') ],
    [ "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'", "frame-ancestors 'none'" ], 'both policies hold';
--- error_log
vcita callback refused: invalid_state
is not met


=== TEST 7: gzip of our pages: where nginx compresses (200, 403, 404), whole and valid; sub_filter; a Range of a page is none
--- gate
--- http_config
gzip on;
gzip_min_length 1;
gzip_vary on;
gzip_types text/plain;
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location /rule { vcita_oauth on; vcita_oauth_require $vcita_oauth_claim_type nobody; }
location /sub { vcita_oauth on; vcita_oauth_require $vcita_oauth_claim_type nobody; sub_filter '</h1>' '</h1><p>ask the operator</p>'; }
location = /logout { vcita_oauth_logout; }
--- flow
my $b = browser();
my @zip = (headers => [ 'Accept-Encoding' => 'gzip' ]);
my $unzip = sub {
    my ($r, $name) = @_;
    is $r->header('Content-Encoding'), 'gzip', "$name: compressed";
    is $r->header('Vary'), 'Accept-Encoding', "$name: Vary";
    is $r->header('Cache-Control'), 'no-store', "$name: not to be stored";
    my ($in, $out) = ($r->body, '');
    IO::Uncompress::Gunzip::gunzip(\$in, \$out) or return fail "$name: gzip";
    like $out, qr{^<!DOCTYPE html>.*</html>\n\z}s, "$name: the whole page";
    return $out;
};
is $b->visit('/')->status, 200, 'in';
my $r = $b->get('/rule', @zip);
is $r->status, 403, 'rules are unmet';
like $unzip->($r, '403'), qr/alice\@example\.biz/, '403: who it is';
$r = $b->get('/logout', @zip);
is $r->status, 200, 'logout';
like $unzip->($r, 'logout'), qr/signed out/, 'logout: it says so';
$r = $b->head('/logout', @zip);
is $r->body, '', 'HEAD: nothing';
$r = browser()->post('/', { a => 1 }, @zip);
is $r->status, 401, 'without a session';
is $r->header('Content-Encoding'), undef, '401: as ever, nginx does not compress it';
like $r->body, qr{</html>\n\z}, '401: the whole page';

$b = browser();
is $b->visit('/')->status, 200, 'in again';
$r = $b->get('/sub');
like $r->body, qr{</h1><p>ask the operator</p>.*</html>\n\z}s, 'sub_filter';
$r = $b->get('/rule', headers => [ Range => 'bytes=0-3' ]);
is $r->status, 403, 'a Range: the same status';
is $r->header('Content-Range'), undef, 'a Range: all of it';
is $b->get('/logout', headers => [ Range => 'bytes=0-3' ])->status, 200, 'a Range of the signed-out page: all of it';
--- error_log
is not met


=== TEST 8: range requests and conditional ones of a logged-in user
--- gate
--- config
location / { vcita_oauth on; root html; }
location /in { vcita_oauth on; proxy_pass $VCITA_APP; }
location /force/ { vcita_oauth on; proxy_force_ranges on; proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/plain/; }
location /plain/ { alias html/; }
--- user_files
>>> file.txt
0123456789
--- flow
my $b = browser();
my $range = sub { (headers => [ Range => "bytes=$_[0]", @_[1 .. $#_] ]) };
is $b->get('/file.txt', $range->('0-3'))->status, 302, 'without a session: to vcita';
is $b->get('/file.txt', $range->('0-3', Accept => 'application/json'))->status, 401, 'without a session, a program: 401';
is $b->visit('/in')->status, 200, 'in';

for my $path (qw( /file.txt /force/file.txt )) {
    my $r = $b->get($path, $range->('2-5'));
    is $r->status, 206, "$path: a part";
    is $r->body, '2345', "$path: the bytes";
    is $r->header('Content-Range'), 'bytes 2-5/11', "$path: of how many";
    is all($r, 'Cache-Control'), 'private', "$path: private";
    is $b->get($path, $range->('-3'))->body, "89\n", "$path: the end";
    $r = $b->get($path, $range->('0-0,3-4'));
    is $r->status, 206, "$path: two parts";
    like $r->header('Content-Type'), qr{^multipart/byteranges}, "$path: as multipart";
    $r = $b->get($path, $range->('50-'));
    is $r->status, 416, "$path: beyond the end";
    my $tag = $b->get($path)->header('ETag');
    is $b->get($path, $range->('2-5', 'If-Range' => $tag))->status, 206, "$path: If-Range";
    is $b->get($path, $range->('2-5', 'If-Range' => '"x"'))->status, 200, "$path: If-Range of another";
    is $b->get($path, headers => [ 'If-None-Match' => $tag ])->status, 304, "$path: not modified";
}
is browser()->get('/file.txt', headers => [ 'If-None-Match' => '*', 'If-Modified-Since' => 'Fri, 01 Jan 2100 00:00:00 GMT' ])->status, 302,
    'without a session, a condition: to vcita';


=== TEST 9: large uploads of a logged-in user, buffered and not; nobody's are refused unread
--- gate
--- http_config
client_max_body_size 20m;
client_body_buffer_size 16k;
server {
    listen $TEST_NGINX_RAND_PORT_1;
    location / { dav_methods PUT; create_full_put_path on; alias html/up/; }
}
--- config
location /in { vcita_oauth on; proxy_pass $VCITA_APP; }
location /buffered/ { vcita_oauth on; proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1; }
location /streamed/ { vcita_oauth on; proxy_request_buffering off; proxy_http_version 1.1; proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1; }
--- flow
my $body = join '', map { sprintf "%07d\n", $_ } 1 .. 640 * 1024;
my $md5 = Digest::MD5::md5_hex($body);
my $chunked = join('', map { sprintf "%x\r\n%s\r\n", length, $_ } $body =~ /(.{1,50000})/gs) . "0\r\n\r\n";
my $file = sub {
    my ($path) = @_;
    open my $fh, '<', servroot() . "/html/up/$path" or return "none: $!";
    return Digest::MD5->new->addfile($fh)->hexdigest;
};
my $b = browser();
is $b->visit('/in')->status, 200, 'in';

for my $how (qw( buffered streamed )) {
    my $n = "$how/" . round();
    my $r = $b->request(PUT => "/$n.length", body => $body);
    is $r->status, 201, "$how: 5 MB";
    is $file->("$n.length"), $md5, "$how: all of them";
    $r = $b->request(PUT => "/$n.chunked", body => $chunked, headers => [ 'Content-Length' => undef, 'Transfer-Encoding' => 'chunked' ]);
    is $r->status, 201, "$how, chunked: 5 MB";
    is $file->("$n.chunked"), $md5, "$how, chunked: all of them";

    # to the client that has sent it all, the answer comes; one that is still sending may see it, or a reset
    $r = browser()->request(PUT => "/$n.nobody", body => $body, headers => [ Connection => 'keep-alive' ]);
    is $r->status, 401, "$how: without a session";
    is $r->header('WWW-Authenticate'), 'Bearer realm="vcita"', "$how: with its challenge";
    like $file->("$n.nobody"), qr/^none/, "$how: nothing reached the upstream";
    is $b->request(PUT => "/$n.again", body => 'x')->status, 201, "$how: the next one";
}


=== TEST 10: WebSocket: 101 and bytes both ways for a logged-in user, 401 for an anonymous one
--- gate
--- config
location /in { vcita_oauth on; proxy_pass $VCITA_APP; }
location /ws {
    vcita_oauth on; proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;
    proxy_set_header X-Mail $vcita_oauth_claim_email; proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
}
--- flow
my $b = browser();
is $b->visit('/in')->status, 200, 'in';
my $upstream = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => rand_port(1), Listen => 5, ReuseAddr => 1,
    Timeout => 20) or die "listen: $!\n";
my $hello = "GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    . "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";

for ([ 'nobody', '' ], [ 'a bad session', "Cookie: vcita_session=x\r\n" ],
     [ 'a browser without a session', "Origin: http://localhost\r\nSec-Fetch-Mode: websocket\r\n" ])
{
    my ($name, $cookie) = @$_;
    my ($say) = connection(port());
    my $r = $say->("$hello$cookie\r\n");
    is $r->status, 401, "$name: 401";
    is $r->header('WWW-Authenticate'), 'Bearer realm="vcita"', "$name: with its challenge";
    is_deeply $r->set_cookies, [], "$name: no login";
}
my ($read, $write, $sock) = ('', '');
my $client = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => port()) or die "connect: $!\n";
$client->syswrite($hello . session($b) =~ s/\r\n$/; other=1\r\n/r . "\r\n");
my $peer = $upstream->accept or die "no connection to the upstream: $!\n";
$peer->sysread($read, 65536, length $read) or die "closed\n" until $read =~ /\r\n\r\n/;
like $read, qr/^GET \/ws HTTP\/1\.1\r\n/, 'the upgrade';
like $read, qr/^Upgrade: websocket\r$/mi, 'as such';
like $read, qr/^X-Mail: alice\@example\.biz\r$/m, 'who it is';
like $read, qr/^Cookie: other=1\r$/m, 'no cookie of ours';
$peer->syswrite("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
$read = '';
$client->sysread($read, 65536, length $read) or die "closed\n" until $read =~ /\r\n\r\n/;
like $read, qr/^HTTP\/1\.1 101 /, '101 passes';
unlike $read, qr/^Set-Cookie|^Location/mi, 'as it is';

my $from = sub { my ($s) = @_; my $got = ''; $s->sysread($got, 65536) // die "read: $!\n"; return $got };
$client->syswrite("\x81\x05hello");
is $from->($peer), "\x81\x05hello", 'bytes to the upstream';
$peer->syswrite("\x81\x05world");
is $from->($client), "\x81\x05world", 'bytes to the client';
close $peer;
is $from->($client), '', 'and the end';


=== TEST 11: HTTP/2: a whole login over one connection, then streams of several users side by side
--- gate
vcita_oauth_redirect_uri https://localhost:$TEST_NGINX_RAND_PORT_1/oauth/callback;
--- http_config
log_format streams '$connection $uri $status $server_protocol';
server {
    listen $TEST_NGINX_RAND_PORT_1 ssl http2;
    ssl_certificate $VCITA_CERT;
    ssl_certificate_key $VCITA_CERT_KEY;
    access_log logs/access.log streams;
    location / { vcita_oauth on; proxy_set_header X-Sub $vcita_oauth_claim_sub; proxy_pass $VCITA_APP; }
    location /open { return 200 open; }
}
--- config
--- user_files
>>> empty
--- flow
if (!curl_has_http2()) {
    SKIP: { Test::More::skip('curl knows no HTTP/2', 1) }
    return pass 'nothing to test with';
}
my $at = 'https://localhost:' . rand_port(1);
my $logged = sub {
    my ($n) = @_;
    wait_for { my $log = access_log(); (() = $log =~ /HTTP\/2/g) >= $n } 10, 'the access log';
    my @line = map { [ split ] } grep { /HTTP\/2/ } split /\n/, access_log();
    return @line[ -$n .. -1 ];
};

# curl keeps the cookies, and goes from us to vcita's page (HTTP/1.1) and back
my $jar = servroot() . '/html/jar';
unlink $jar;
my $text = curl('--http2', [ '--location', '--cookie-jar', $jar, '--cookie', $jar, '--header', 'Accept: text/html',
    '--write-out', '\n%{http_version} %{http_code} %{num_redirects}', "$at/a?b=c" ]);
my ($json, $end) = $text =~ /^(.*)\n(.*)\z/s;
is $end, '2 200 3', 'a login by HTTP/2: off to vcita, the callback, back';
is decode_json($json)->{uri}, '/a?b=c', 'at the address first asked for';
my @line = $logged->(3);
is_deeply [ map { "$_->[1] $_->[2]" } @line ], [ '/a 302', '/oauth/callback 303', '/a 200' ], 'as streams';
is $line[1][0], $line[2][0], 'the callback and the page over one connection';

# several streams at once: with the session, without, and who cannot follow a login (nothing refused has a body: this
# curl takes the end of a stream whose answer came before its body for an error)
my $session = '';
open my $fh, '<', $jar or die "$jar: $!\n";
/\t(__Host-vcita_session)\t(\S+)$/ and $session = "Cookie: $1=$2" while <$fh>;
like $session, qr/=[\w-]{50}/, 'the cookie, as browsers keep it';
my @mine = ('--header', $session);
my @html = ('--header', 'Accept: text/html');
my @json = ('--header', 'Accept: application/json');
my @post = ('--request', 'POST', '--data');
my $got = streams('--http2', [ "$at/open" ],
    map {; [ @mine, "$at/mine$_" ], [ @html, "$at/none$_" ], [ @json, "$at/json$_" ], [ @mine, @post, 'x' x 100_000, "$at/post$_" ],
        [ @html, '--request', 'DELETE', "$at/refused$_" ] } 1 .. 5);
is_deeply $got, [ sort "2 200 $at/open",
    map {; "2 200 $at/mine$_", "2 302 $at/none$_", "2 401 $at/json$_", "2 200 $at/post$_", "2 401 $at/refused$_" } 1 .. 5 ], 'each stream has its own answer';
my %n;
$n{ $_->[0] }++ for $logged->(26);
# this curl may open a second one while it is busy
my ($most) = sort { $b <=> $a } values %n;
cmp_ok $most, '>=', 14, "so many of them over one connection: $most";
my @seen = grep { $_->path =~ /mine|none|json|post|refused/ } stub->app_requests;
is scalar(@seen), 10, 'the application saw those of the session alone';
is_deeply [ grep { scalar $_->header('X-Sub') ne 'a383717599bf1893' || defined $_->header('Cookie') } @seen ], [],
    'as whom they are, without the cookie';

# a callback that takes its time holds up no other stream, however much of it a busy machine takes for those
for my $delay (0.7, 2, 5) {
    my $b = browser();
    $b->get("$at/slow");
    my $login = 'Cookie: __Host-vcita_session_login=' . $b->cookie('__Host-vcita_session_login');
    my $seen = () = access_log() =~ /HTTP\/2/g;
    $got = streams('--http2', [ '--header', $login, $b->callback_url(code => stub_code({ token => { delay => $delay } })) ],
        [ "$at/open" ], [ @mine, "$at/mine" ], [ @html, "$at/none" ]);
    is_deeply [ map { s/ \S+$//r } @$got ], [ '2 200', '2 200', '2 302', '2 303' ], 'beside a callback';
    wait_for { (() = access_log() =~ /HTTP\/2/g) >= $seen + 4 } 10, 'the access log';
    @line = $logged->(4);
    last if $line[-1][1] eq '/oauth/callback';
}
is $line[-1][1], '/oauth/callback', 'which ended last';


=== TEST 12: a cache before the gated site: a 302, 401, 403, 400 or the callback's 303 is never stored; a login works through it
--- gate
vcita_oauth_redirect_uri http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/oauth/callback;
--- http_config
proxy_cache_path html/front keys_zone=front:1m;
server {
    listen $TEST_NGINX_RAND_PORT_1;
    location / {
        proxy_cache front; proxy_cache_valid any 1h; proxy_cache_key $uri$is_args$args; proxy_cache_methods GET HEAD POST;
        add_header X-Cache $upstream_cache_status always;
        proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT; proxy_set_header Host $http_host;
    }
}
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location /file { vcita_oauth on; root html; expires 1h; }
location /expires { vcita_oauth on; expires 1h; proxy_pass $VCITA_APP; }
location /rule { vcita_oauth on; vcita_oauth_require $vcita_oauth_claim_type nobody; }
location = /logout { vcita_oauth_logout; }
location = /away { vcita_oauth_logout /bye; }
--- user_files
>>> file
a file
--- flow
my $n = round();
my @front = (base => 'http://127.0.0.1:' . rand_port(1));
my $twice = sub {
    my ($status, $name, $ask) = @_;
    for my $time (qw( first second )) {
        my $r = $ask->();
        is $r->status, $status, "$name, the $time time: status";
        is $r->header('X-Cache'), 'MISS', "$name, the $time time: not from the cache";
        like all($r, 'Cache-Control'), qr/\bno-store\b/, "$name, the $time time: no-store";
    }
};
$twice->(302, 'a redirect to vcita', sub { browser(@front)->get("/a$n") });
$twice->(302, 'under expires', sub { browser(@front)->get("/expires$n") });
$twice->(401, 'a program', sub { browser(@front)->get("/b$n", headers => [ Accept => 'application/json' ]) });
$twice->(401, 'a form', sub { browser(@front)->post("/c$n", { a => 1 }) });
$twice->(400, 'a bad callback', sub { browser(@front)->get("/oauth/callback?state=x$n") });
$twice->(200, 'a logout', sub { browser(@front)->get("/logout?$n") });
$twice->(303, 'a logout to an address', sub { browser(@front)->get("/away?$n") });

my $b = browser(@front);
$b->get("/d$n");
my $code = stub->prepare({ reusable => 1 });
my $url = $b->callback_url(code => $code);
$twice->(303, 'the callback', sub { $b->clone->get($url) });
is $b->get($url)->status, 303, 'a login through it';
is $b->get("/d$n")->status, 200, 'in';
$twice->(403, 'rules are unmet', sub { $b->get("/rule$n") });
is $b->get("/file?$n")->status, 200, 'what the operator says may be stored';
is $b->get("/file?$n")->header('X-Cache'), 'MISS', 'is not: it is private';
--- error_log
vcita callback refused: invalid_state
is not met


=== TEST 13: proxy_cache behind the gate: a stored answer is for who passes the gate; by a key of its own for each user
--- gate
--- http_config
proxy_cache_path html/behind keys_zone=behind:1m;
--- config
location /in { vcita_oauth on; proxy_pass $VCITA_APP; }
location /shared {
    vcita_oauth on; proxy_cache behind; proxy_cache_valid any 1h; proxy_cache_key $uri$is_args$args;
    add_header X-Cache $upstream_cache_status always;
    proxy_set_header X-Sub $vcita_oauth_claim_sub; proxy_pass $VCITA_APP;
}
location /own {
    vcita_oauth on; proxy_cache behind; proxy_cache_valid any 1h; proxy_cache_key $uri$is_args$args#$vcita_oauth_claim_sub;
    add_header X-Cache $upstream_cache_status always;
    proxy_set_header X-Sub $vcita_oauth_claim_sub; proxy_pass $VCITA_APP;
}
--- flow
my $n = round();
is browser()->get("/$_?$n")->status, 302, "/$_, without a session: to vcita" for qw( shared own );
is browser()->get("/$_?$n", headers => [ Accept => 'application/json' ])->status, 401, "/$_, a program: 401" for qw( shared own );
is scalar(my @none = stub->app_requests), 0, 'nothing was asked for, so nothing stored';

my ($one, $two) = map { signed_in('/in', { sub => $_ }) } qw( one two );
for my $path (qw( /shared /own )) {
    my $r = $one->get("$path?$n");
    is $r->header('X-Cache'), 'MISS', "$path: asked for";
    is seen($r)->{'x-sub'}, 'one', "$path: by one";
    is $one->get("$path?$n")->header('X-Cache'), 'HIT', "$path: stored";
    $r = browser()->get("$path?$n");
    is $r->status, 302, "$path: nobody gets what is stored";
    is $r->header('X-Cache'), undef, "$path: nor is it looked for";
    is browser()->get("$path?$n", headers => [ Accept => 'application/json' ])->status, 401, "$path: nor a program";
    is_deeply $one->get("$path?$n")->set_cookies, [], "$path: no cookie is stored";
}
is seen($two->get("/shared?$n"))->{'x-sub'}, 'one', 'one answer for all: where the operator says so';
my $r = $two->get("/own?$n");
is $r->header('X-Cache'), 'MISS', 'by a key of their own: asked for';
is seen($r)->{'x-sub'}, 'two', 'by a key of their own: by who it is';


=== TEST 14: connections to the upstream that are kept alive: one user's headers never arrive as another's
--- gate
--- http_config
upstream app { server $APP_ADDRESS; keepalive 2; }
proxy_http_version 1.1;
proxy_set_header Connection "";
proxy_set_header X-Auth $vcita_oauth_authenticated;
proxy_set_header X-Sub $vcita_oauth_claim_sub;
proxy_set_header Authorization "Bearer $vcita_oauth_access_token";
--- config
location / { vcita_oauth on; proxy_pass http://app; }
location /maybe { vcita_oauth optional; proxy_pass http://app; }
location /off { vcita_oauth off; proxy_pass http://app; }
--- flow
my %b = map { $_ => signed_in('/in', { sub => $_ }) } qw( one two three );
my %token;
my $who = sub {
    my ($r) = @_;
    my $h = seen($r);
    ($token{ $h->{'x-sub'} } //= $h->{authorization}) eq $h->{authorization} or return 'another token';
    return $h->{'x-sub'};
};
my (%conn, @got);
for (1 .. 4) {
    for my $sub (qw( one two three )) {
        my $r = $b{$sub}->get("/$sub");
        push @got, $who->($r);
        $conn{ $r->json->{conn} } = 1;
        for my $path (qw( /maybe /off )) {
            my $h = seen(browser()->get($path));
            push @got, join ' ', $path, map { $h->{$_} // '-' } qw( x-sub authorization );
        }
    }
}
is_deeply \@got, [ (map { ($_, '/maybe - Bearer', '/off - Bearer') } qw( one two three )) x 4 ], 'each as who it is';
is scalar(keys %token), 3, 'three tokens';
cmp_ok scalar(keys %conn), '<=', 2, 'over the connections that were kept';

# at once
my $crowd = crowd();
my @sub = map { qw( one two three nobody )[ $_ % 4 ] } 1 .. 80;
$crowd->add(($b{$_} || browser())->tab, GET => url($b{$_} ? "/$_" : '/maybe')) for @sub;
my @r = $crowd->run;
is_deeply [ map { $who->($_) } grep { defined seen($_)->{'x-sub'} } @r ], [ grep { $_ ne 'nobody' } @sub ],
    'at once: each as who it is';
is scalar(grep { !defined seen($_)->{'x-sub'} } @r), 20, 'at once: the others as nobody';


=== TEST 15: one connection of a client, whose user logs out and in as another
--- gate
--- http_config
log_format conns '$connection $uri $status';
--- config
access_log logs/access.log conns;
location / { vcita_oauth on; proxy_set_header X-Sub $vcita_oauth_claim_sub; proxy_pass $VCITA_APP; }
location /maybe { vcita_oauth optional; proxy_set_header X-Sub "[$vcita_oauth_claim_sub]"; proxy_pass $VCITA_APP; }
location = /logout { vcita_oauth_logout /; }
--- flow
my ($say, $sock) = connection(port());
my %cookie;
my $get = sub {
    my ($target) = @_;
    my $line = join '; ', map { "$_=$cookie{$_}" } sort keys %cookie;
    my $r = $say->("GET $target HTTP/1.1\r\nHost: 127.0.0.1:" . port() . "\r\nAccept: text/html\r\n"
        . ($line ? "Cookie: $line\r\n" : '') . "\r\n");
    for (@{ $r->set_cookies }) {
        my ($name, $value, $age) = /^([^=]*)=([^;]*).*Max-Age=(\d+)/;
        if ($age) { $cookie{$name} = $value } else { delete $cookie{$name} }
    }
    return $r;
};
my $log_in = sub {
    my ($sub) = @_;
    my $r = $get->('/page');
    is $r->status, 302, "$sub: to vcita";
    my $code = stub->prepare({ userinfo => { set => { sub => $sub } } });
    $r = $get->('/oauth/callback?' . query_string(code => $code, state => scalar $r->param('state')));
    is $r->status, 303, "$sub: the callback";
    is seen($get->('/page'))->{'x-sub'}, $sub, "$sub: in";
};
is seen($get->('/maybe'))->{'x-sub'}, '[]', 'nobody, at first';
$log_in->('one');
my $old = $cookie{vcita_session};
is seen($get->('/maybe'))->{'x-sub'}, '[one]', 'one';
is $get->('/logout')->status, 303, 'out';
is_deeply [ keys %cookie ], [ 'vcita_session_login' ], 'no session is left';
is seen($get->('/maybe'))->{'x-sub'}, '[]', 'nobody again';
is $get->('/page')->status, 302, 'who has to log in';
$log_in->('two');
is seen($get->('/maybe'))->{'x-sub'}, '[two]', 'two';
isnt $cookie{vcita_session}, $old, 'by another session';

# two users in turns, as behind a proxy that keeps its connections
my ($two, %three) = ($cookie{vcita_session});
$cookie{vcita_session} = signed_in('/in', { sub => 'three' })->cookie('vcita_session');
for (1 .. 3) {
    ($cookie{vcita_session}, $two) = ($two, $cookie{vcita_session});
    is seen($get->('/maybe'))->{'x-sub'}, $_ % 2 ? '[two]' : '[three]', 'in turns';
}
wait_for { (() = access_log() =~ m{/maybe}g) >= 7 } 10, 'the access log';
my %conn = map { /^(\d+) \/maybe/ ? ($1 => 1) : () } split /\n/, access_log();
is scalar(keys %conn), 1, 'all of it over one connection';
close $sock;


=== TEST 16: HTTP/3: a login, and streams of several users
--- gate
vcita_oauth_redirect_uri https://localhost:$TEST_NGINX_RAND_PORT_1/oauth/callback;
--- http_config
server {
    listen $TEST_NGINX_RAND_PORT_1 quic reuseport;
    listen $TEST_NGINX_RAND_PORT_1 ssl;
    ssl_certificate $VCITA_CERT;
    ssl_certificate_key $VCITA_CERT_KEY;
    location / { vcita_oauth on; proxy_set_header X-Sub $vcita_oauth_claim_sub; proxy_pass $VCITA_APP; }
}
--- config
--- flow
my $at = 'https://localhost:' . rand_port(1);
my $jar = servroot() . '/html/jar3';
unlink $jar;
my @html = ('--header', 'Accept: text/html');
my $get = sub {
    my ($url) = @_;
    my $text = curl('--http3-only', [ '--cookie', $jar, '--cookie-jar', $jar, @html,
        '--write-out', '\n%{http_version} %{http_code}\n%{redirect_url}', $url ]);
    return $text =~ /^(.*)\n(.*)\n(.*)\z/s;
};
my (undef, $status, $to) = $get->("$at/a?b=c");
is $status, '3 302', 'off to vcita';
my $state = query_param($to =~ /\?(.*)/, 'state');
(undef, $status, $to) = $get->("$at/oauth/callback?" . query_string({ code => stub_code({}), state => $state }));
is $status, '3 303', 'the callback';
is $to, "$at/a?b=c", 'to the address first asked for';
my ($json, $end) = $get->($to);
is $end, '3 200', 'in';
my %h = map { lc $_->[0] => $_->[1] } @{ decode_json($json)->{headers} };
is $h{'x-sub'}, 'a383717599bf1893', 'as who it is';
is $h{cookie}, undef, 'without our cookies';

my @mine = (@html, '--cookie', $jar);
my @post = ('--request', 'POST', '--data');
my $got = streams('--http3-only', map {; [ @mine, "$at/mine$_" ], [ @html, "$at/none$_" ],
    [ '--header', 'Accept: application/json', "$at/json$_" ], [ @mine, @post, 'x' x 50_000, "$at/post$_" ] } 1 .. 3);
is_deeply $got, [ sort map {; "3 200 $at/mine$_", "3 302 $at/none$_", "3 401 $at/json$_", "3 200 $at/post$_" } 1 .. 3 ],
    'each stream has its own answer';
is scalar(grep { length $_->body == 50_000 } stub->app_requests), 3, 'uploads are whole';
