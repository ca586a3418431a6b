# What somebody sends who tries the doors: odd cookies, odd paths, odd callbacks.

use lib 't/lib';
use VcitaTest;

run_tests();

__DATA__

=== TEST 1: odd cookies, paths and callbacks never come in, and never are a 500
--- gate
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location /off { proxy_pass $VCITA_APP; }
location /inner { internal; vcita_oauth on; proxy_pass $VCITA_APP; }
--- flow
my $b = browser();
$b->visit('/');
my $s = $b->cookie('vcita_session');
my $port = port();
my $raw = sub {
    my ($line, @h) = @_;
    my $r = $b->raw('127.0.0.1', $port, join("\r\n", $line, "Host: 127.0.0.1:$port", 'Connection: close', @h, '', ''));
    $r->body =~ m{^HTTP/1\.\d (\d+)} ? $1 : 'none';
};
my %row = (
    'quoted' => [ 302, 'GET / HTTP/1.1', qq(Cookie: vcita_session="$s") ],
    'nameless' => [ 302, 'GET / HTTP/1.1', "Cookie: =vcita_session=$s" ],
    'upper' => [ 302, 'GET / HTTP/1.1', "Cookie: VCITA_SESSION=$s" ],
    'comma' => [ 302, 'GET / HTTP/1.1', "Cookie: a=1, vcita_session=$s" ],
    'blank around' => [ 200, 'GET / HTTP/1.1', "Cookie: a=1;  vcita_session = $s ;b=2" ],
    '300 wrong then right' => [ 200, 'GET / HTTP/1.1', 'Cookie: ' . join('; ', map("vcita_session=x$_", 1 .. 300), "vcita_session=$s") ],
    'padded' => [ 302, 'GET / HTTP/1.1', "Cookie: vcita_session=$s=" ],
    'doubled' => [ 302, 'GET / HTTP/1.1', "Cookie: vcita_session=$s$s" ],
    'dot path' => [ 302, 'GET /off/../ HTTP/1.1' ],
    'encoded slash' => [ 302, 'GET /off%2f..%2f HTTP/1.1' ],
    'double slash' => [ 302, 'GET //x HTTP/1.1' ],
    'callback //' => [ 400, 'GET //oauth//callback?code=a HTTP/1.1' ],
    'callback dot' => [ 400, 'GET /oauth/./x/../callback?code=a HTTP/1.1' ],
    'callback encoded' => [ 400, 'GET /%6fauth/callback?code=a HTTP/1.1' ],
    'callback slash' => [ 302, 'GET /oauth/callback/?code=a HTTP/1.1' ],
    'callback case' => [ 302, 'GET /OAUTH/callback?code=a HTTP/1.1' ],
    'callback HEAD' => [ 405, 'HEAD /oauth/callback?code=a HTTP/1.1' ],
    'callback OPTIONS' => [ 405, 'OPTIONS /oauth/callback HTTP/1.1' ],
    'bad escape' => [ 400, 'GET /oauth/callback?state=%zz&code=%0 HTTP/1.1' ],
    'NULs' => [ 400, 'GET /oauth/callback?state=%00%00&code=%00 HTTP/1.1' ],
    'long state' => [ 400, 'GET /oauth/callback?state=' . 'A' x 7000 . ' HTTP/1.1' ],
    '1,000 parameters' => [ 400, 'GET /oauth/callback?' . join('&', map "a$_=", 1 .. 1000) . '&state=x HTTP/1.1' ],
    'internal' => [ 404, 'GET /inner HTTP/1.1' ],
    'session as state' => [ 400, "GET /oauth/callback?code=a&state=$s HTTP/1.1" ],
    'upgrade' => [ 401, 'GET / HTTP/1.1', 'Upgrade: h2c' ],
    'login count' => [ 302, 'GET / HTTP/1.1', 'Cookie: vcita_session_login=' . 'A' x 43 . '.0.' . time ],
    'login negative' => [ 302, 'GET / HTTP/1.1', 'Cookie: vcita_session_login=' . 'A' x 43 . '.3.-5' ],
);
for my $n (sort keys %row) { my ($want, @r) = @{ $row{$n} }; is $raw->(@r), $want, $n }
# the state as a session, and one application's parts swapped
my ($state) = browser()->get('/z')->location =~ /[?&]state=([^&]+)/;
is $raw->('GET / HTTP/1.1', "Cookie: vcita_session=$state"), 302, 'a state is no session';
is $b->get('/')->status, 200, 'all the same: in';
