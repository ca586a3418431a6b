# Bearer - signed tokens as vcita gives them to embedded apps: a key of its own,
# its key set as a file of the stand-in for vcita, tokens that it has signed.

package Bearer;

use strict;
use warnings;

use Bench;

use Exporter 'import';
use MIME::Base64 qw( encode_base64url );

our @EXPORT = qw( make_keys signed_tokens bearer_headers );

my $Number = 0;


# the key, and html/keys.json
sub make_keys {
    openssl(qw( genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 ),
            '-out', "$DIR/key.pem");

    my ($n) = openssl(qw( rsa -noout -modulus -in ), "$DIR/key.pem")
        =~ /Modulus=([0-9A-F]+)/ or die "no modulus\n";
    $n = encode_base64url(pack 'H*', $n);

    spew("$DIR/html/keys.json",
         '{"keys":[{"kty":"RSA","use":"sig","alg":"RS256","kid":"bench",'
         . qq("e":"AQAB","n":"$n"}]}));
}


# so many, none like another, that live for a day
sub signed_tokens {
    my ($n) = @_;
    my $now = time;
    my $exp = $now + 86400;

    return map {
        my $jti = sprintf '%032x', ++$Number;
        my $text = join '.', map { encode_base64url($_) }
            '{"alg":"RS256","typ":"JWT","kid":"bench"}',
            '{"iss":"intandem","aud":"benchapp","sub":"a383717599bf1893",'
            . '"sub_type":"staff","actor_uid":"a383717599bf1893",'
            . '"actor_type":"staff","business_uid":"ed469f8764326a66",'
            . '"directory_uid":"u6g6s4q3386zs6j2",'
            . qq("jti":"$jti","iat":$now,"exp":$exp});

        spew("$DIR/text", $text);
        "$text." . encode_base64url(
            openssl(qw( dgst -sha256 -sign ), "$DIR/key.pem", "$DIR/text"));
    } 1 .. $n;
}


# what a script of an embedded page sends beside the token, which comes last
sub bearer_headers {
    my ($token) = @_;
    return browser_headers('127.0.0.1')
        =~ s/\r\n\z/Authorization: Bearer $token\r\n\r\n/r;
}


sub openssl {
    my @command = ('openssl', @_);

    open my $out, '-|:raw', @command or die "openssl: $!\n";
    local $/;
    my $said = <$out> // '';
    close $out or die "@command failed\n";

    return $said;
}


1;
