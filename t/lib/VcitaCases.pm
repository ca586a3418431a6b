# VcitaCases - every page of the module: a request that ends with each error code, and with each other page.  For test
# files: `use VcitaTest; use VcitaCheck; use VcitaAssertion; use VcitaCases;`.  The block's gate is VcitaCases::GATE, its
# config has VcitaCases::locations().  In a flow:
#
#   my %case = cases();          # by the code: a sub that gives the answer
#   my %other = other_pages();   # by a name, alike
package VcitaCases;

use strict;
use warnings;

use VcitaFlow ();

use constant GATE => "vcita_oauth_timeout 1500ms;\nvcita_oauth_rate off;\n";


# an application of its own below a path, with other settings
sub app {
    my ($name, @lines) = @_;
    return join "\n    ", "location /$name {", 'vcita_oauth on;', "vcita_oauth_cookie_name $name;",
        "vcita_oauth_redirect_uri http://127.0.0.1:\$TEST_NGINX_SERVER_PORT/$name/callback;", @lines, 'proxy_pass $VCITA_APP;', "}\n";
}


# where each of them happens
sub locations {
    return 'location / { vcita_oauth on; proxy_pass $VCITA_APP; }' . "\n"
        . 'location /other-people { vcita_oauth on; vcita_oauth_require $vcita_oauth_claim_email nobody@example.biz; proxy_pass $VCITA_APP; }' . "\n"
        . "location = /logout { vcita_oauth_logout; }\n"
        . "location /recent { vcita_oauth on; vcita_oauth_max_age 1s; proxy_pass \$VCITA_APP; }\n"
        . "location /token { vcita_oauth on; vcita_oauth_bearer salonapp; vcita_oauth_jwks_endpoint http://127.0.0.1:\$TEST_NGINX_RAND_PORT_2/;\n"
        . " vcita_oauth_cookie_name token; vcita_oauth_redirect_uri http://127.0.0.1:\$TEST_NGINX_SERVER_PORT/token/callback; proxy_pass \$VCITA_APP; }\n"
        . app('expired', 'vcita_oauth_login_timeout 1s;')
        . app('unreachable', 'vcita_oauth_token_endpoint http://127.0.0.1:$TEST_NGINX_RAND_PORT_2/oauth/token;')
        . app('store', 'vcita_oauth_session_store redis://127.0.0.1:$TEST_NGINX_RAND_PORT_2 connect_timeout=300ms timeout=300ms;',
              'location = /store/logout { vcita_oauth off; vcita_oauth_logout; }')
        . "location /host {\n vcita_oauth on;\n vcita_oauth_cookie_name host;\n vcita_oauth_redirect_uri http://\$arg_host/host/callback;\n"
        . " proxy_pass \$VCITA_APP;\n}\n";
}


{
    package VcitaFlow::Code;

    sub cases {
        my $token = sub { my ($do) = @_; sub { begun('/deep')->come_back(code => stub_code({ token => $do })) } };
        my $rounds = sub {
            my ($path, $do) = @_;
            my $b = begun($path);
            my $r;
            for (1 .. 3) { $r = $do->($b) }
            return $r;
        };
        return (
            access_denied      => sub { begun('/deep')->come_back(error => 'access_denied') },
            state_mismatch     => sub { $rounds->('/deep', sub { my $url = $_[0]->callback_url(code => 'x'); $_[0]->clear_cookies; $_[0]->get($url) }) },
            state_expired      => sub { $rounds->('/expired', sub {
                my ($end, $login) = (time + 2, $_[0]->cookie('expired_login'));
                wait_for { time > $end } 9, 'the state to be too old';
                $_[0]->set_cookie(expired_login => $login);
                return $_[0]->come_back(code => 'x') }) },
            invalid_state      => sub { browser()->get('/oauth/callback?code=x&state=made-up') },
            invalid_callback   => sub { my $b = begun('/deep'); $b->get('/oauth/callback?state=' . $b->res->param('state')) },
            callback_elsewhere => sub { my $b = begun('/deep'); $b->get('/callback?code=x&state=' . $b->res->param('state')) },
            invalid_host       => sub { browser()->get('/host?host=a/b') },
            invalid_grant      => sub { $rounds->('/deep', sub { $_[0]->come_back(code => stub_code({ token => { status => 400, json => { error => 'invalid_grant' } } })) }) },
            invalid_client     => $token->({ status => 401, json => { error => 'invalid_client' } }),
            rate_limited       => $token->({ status => 429, headers => { 'Retry-After' => 120 } }),
            bad_token_response => $token->({ status => 500, body => 'x' }),
            bad_id_token       => sub { my $b = begun('/deep'); $b->come_back(code => stub_code({ token => { id_token => id_token($b, set => { aud => 'another' }) } })) },
            bad_userinfo       => sub { begun('/deep')->come_back(code => stub_code({ userinfo => { status => 403 } })) },
            unreachable        => sub { begun('/unreachable')->come_back(code => stub_code) },
            timeout            => $token->({ hang => 1 }),
            session_too_large  => $token->({ set => { access_token => 'tok3n-' x 700 } }),
            store_unavailable  => sub { my $b = browser(); $b->set_cookie(store => 'A' x 43); $b->get('/store') },
            not_allowed        => sub { browser()->visit('/other-people') },
            login_required     => sub {
                my $b = begun('/recent');
                $b->come_back(code => stub_code);
                wait_for { $b->get('/recent')->status == 302 } 10, 'the session to be too old';
                return $b->come_back(code => stub_code({ id_token => id_token($b, set => { auth_time => 1 }) }));
            },
            invalid_token      => sub { browser()->get('/token', headers => [ Authorization => 'Bearer x', Accept => 'text/html' ]) },
            keys_unavailable   => sub { browser()->get('/token', headers => [ Authorization => 'Bearer ' . signed_token('rsa'), Accept => 'text/html' ]) },
            session_lost       => sub { my $b = browser(); for (1 .. 3) { $b->visit('/deep'); $b->delete_cookie('vcita_session') } $b->get('/deep') },
            other              => sub { begun('/deep')->come_back(error => 'no code at all') },
            server_error       => sub { begun('/deep')->come_back(error => 'server_error', error_description => 'of vcita') },
        );
    }


    sub other_pages {
        my $html = [ Accept => 'text/html' ];
        my $in = sub { my $b = browser(); $b->visit($_[0]); return $b };
        return (
            'a form without a session'  => sub { browser()->post('/deep', {}, headers => $html) },
            'a form, the sign-in too old' => sub {
                my $b = $in->('/recent');
                wait_for { $b->get('/recent')->status == 302 } 10, 'the session to be too old';
                return $b->post('/recent', {}, headers => $html);
            },
            'a POST at the callback'    => sub { browser()->post('/oauth/callback', {}, headers => $html) },
            'signed out'                => sub { $in->('/deep')->get('/logout', site => 'same-origin') },
            'sign out? from elsewhere'  => sub { $in->('/deep')->get('/logout', headers => [ 'Sec-Fetch-Site' => 'cross-site' ]) },
            'sign out? without a click' => sub { $in->('/deep')->get('/logout', headers => [ 'Sec-Purpose' => 'prefetch' ]) },
            'still signed in'           => sub { my $b = browser(); $b->set_cookie(store => 'A' x 43); $b->get('/store/logout') },
            'a long code of vcita'      => sub { begun('/deep')->come_back(error => 'a' x 64) },
            'a long email'              => sub {
                my $b = begun('/other-people');
                $b->come_back(code => stub_code({ userinfo => { set => { email => 'm' x 60 . '@' . 'x' x 60 . '.example' } } }));
                return $b->get('/other-people');
            },
            'in a frame'                => sub {
                my $b = begun('/deep');
                my $r;
                for (1 .. 3) {
                    my $url = $b->callback_url(code => 'x');
                    $b->clear_cookies;
                    $r = $b->get($url, headers => [ 'Sec-Fetch-Dest' => 'iframe', 'Sec-Fetch-Site' => 'cross-site', 'Sec-Fetch-Mode' => 'navigate' ]);
                }
                return $r;
            },
        );
    }
}


1;
