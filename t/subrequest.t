# Requests that are in more than one location: subrequests (SSI, mirror, auth_request) into gated ones, with
# sessions in cookies and in stores; internal redirects between applications.

use lib 't/lib';
use VcitaTest;
use VcitaCheck;
use VcitaMachine;

# a browser that has logged in at an address, as somebody
sub VcitaFlow::Code::logged_in {
    my ($url, $b, %claims) = @_;
    $b //= VcitaFlow::browser();
    my $r = $b->get($url);
    die "no login begins at $url: " . $r->status . "\n" if $r->status != 302;
    $r = $b->come_back(code => VcitaStub::stub_code(
        { userinfo => { json => { sub => 'somebody', email => 'alice@example.biz', %claims } } }));
    die "no login at $url: " . $r->status . "\n" if $r->status != 303;
    return $b;
}

# what the slow store is told: for as long as the block runs
sub VcitaFlow::Code::store_is {
    my ($what, $on) = @_;
    my $file = VcitaFlow::servroot() . "/html/$what";
    return unlink $file if !$on;
    open my $fh, '>', $file or die "$file: $!\n";
}

# how often the application saw a path
sub VcitaFlow::Code::seen_at { my ($path) = @_; return scalar grep { $_->path eq $path } VcitaFlow::stub()->app_requests }

add_block_preprocessor(sub {
    my ($block) = @_;
    return if !defined $block->slow;
    $block->set_value(gate => "vcita_oauth_session_store zone=sessions:1m;\n" . ($block->gate // ''));
    $block->set_value(main_config => "load_module \$VCITA_SLOW;\n");
    $block->set_value(http_config => 'vcita_oauth_slow_store ' . VcitaFlow::servroot() . "/html;\n" . $block->slow
        . ($block->http_config // ''));
    $block->set_value(flow => "store_is(\$_, 0) for qw( hold down dead flip mix );\n" . $block->flow);
});

run_tests();

__DATA__

=== TEST 1: redirected from one application to another and back, the claims that were just revalidated stay
--- flow
for my $store ('cookie', 'zone=sessions:1m') {
    my $m = VcitaMachine->start('a', gate => "vcita_oauth_session_store $store;", server => <<'END');
    set $port $server_port;
    add_header X-Mail "[$vcita_oauth_claim_email]" always;
    location / { vcita_oauth on; proxy_pass $VCITA_APP; }
    location /a/ { vcita_oauth on; vcita_oauth_revalidate 5m; try_files /none /b/then; }
    location /c/ { vcita_oauth on; vcita_oauth_require $vcita_oauth_claim_role owner staff; proxy_pass $VCITA_APP; }
    location /b/ {
        vcita_oauth on;
        vcita_oauth_client_id app2;
        vcita_oauth_cookie_name second;
        vcita_oauth_redirect_uri http://127.0.0.1:$port/b/callback;
        vcita_oauth_revalidate 5m;
        try_files /none /c/then;
        location /b/direct { vcita_oauth_revalidate off; proxy_pass $VCITA_APP; }
    }
END
    my $b = browser(base => $m->url(''));
    my @token;
    for my $path ('/', '/b/direct') {
        logged_in($m->url($path), $b);
        push @token, substr +(stub->requests('/oauth/userinfo'))[-1]->header('Authorization'), 7;
    }
    sent_to_vcita();
    stub->userinfo($token[0], { set => { sub => 'somebody', email => 'new@example.biz', role => 'staff' } });
    stub->userinfo($token[1], { set => { sub => 'somebody', email => 'two@example.biz' } });
    $m->clock(300);
    my $r = $b->get($m->url('/a/'));
    is $r->status, 200, "$store: in";
    is sent_to_vcita(), 'userinfo userinfo', "$store: both applications asked";
    is scalar($r->header('X-Mail')), '[new@example.biz]', "$store: back in the first one, with what vcita says now";
    is scalar($b->get($m->url('/c/'))->header('X-Mail')), '[new@example.biz]', "$store: the first session was kept";
    is scalar($b->get($m->url('/b/direct'))->header('X-Mail')), '[two@example.biz]', "$store: so was the second";
    is sent_to_vcita(), '', "$store: nobody was asked for that";

    stub->userinfo($token[0], { set => { sub => 'somebody', role => 'guest' } });
    $m->clock(600);
    is $b->get($m->url('/a/'))->status, 403, "$store: a role that vcita took away opens nothing there";
    $m->stop;
}
